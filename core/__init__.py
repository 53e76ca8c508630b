"""Zhixing 制行: what every regulation plugin stands on."""

from core.hookspecs import hookimpl
from core.manifest import Answer, Extension, Manifest, Notice, Requirement, Rule

__all__ = ["Answer", "Extension", "Manifest", "Notice", "Requirement", "Rule", "hookimpl"]
