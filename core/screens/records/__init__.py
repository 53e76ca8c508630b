"""The screens that every record type has: list, form and record page."""


def install(admin, registry):
    """Add one view for each record type."""
