"""How customers are reached, and the row that a complaint was imported from, are sealed."""

from core.sealing import seal_columns, unseal_columns

TEXT, HIDDEN = "t", "h"


def up(migrator, db):
    seal_columns(db, "complaint", {"contact_means": TEXT, "source_row": HIDDEN})


def down(migrator, db):
    unseal_columns(db, "complaint", {"contact_means": 255, "source_row": None})
