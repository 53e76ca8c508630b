"""Every hook that a plugin can answer. The core calls plugin by plugin, and only where the plugin is on."""

import pluggy

hookspec = pluggy.HookspecMarker("zhixing")
hookimpl = pluggy.HookimplMarker("zhixing")


@hookspec
def plugin_manifest():
    """Return the Manifest. Called once at start, for every plugin; an exception stops the start and names the plugin."""


@hookspec
def validate_record(record, change):
    """Return Faults that refuse the save, or None.

    Called inside the transaction for each record written in a branch where the plugin is on. `change` has .before (the
    old values), .event (the transition, None for an edit) and .context. An exception refuses the save and names the plugin.
    """


@hookspec
def record_changed(record, event, actor):
    """Do what follows from a change that stands. Called after the commit, from the outbox, in a transaction of its own.

    `event` is "create", "change", "correct" or the transition. An exception is counted, and the message tried again.
    What is written in the database stands once. What is done outside it may come twice where a worker is killed:
    `actor.delivery` has the message's `id`, the same each time, and whether it comes `again`.
    """


@hookspec
def finding_opened(finding, actor):
    """Do what follows from a finding: a limit that is near (yellow) or passed (red), or what a check found.

    Called after the commit, from the outbox, in a transaction of its own. An exception is counted and tried again.
    `actor.delivery` is as of record_changed.
    """


@hookspec
def finding_closed(finding, actor):
    """Do what follows when a finding closes. Called like finding_opened."""
