"""Phones and identity numbers are sealed, and found by an index on the marks of their values."""

from core.sealing import drop_index, index, seal_columns, unseal_columns

PHONE, IDENTITY = "p", "i"


def up(migrator, db):
    seal_columns(db, "customer", {"phone": PHONE, "identity_number": IDENTITY})
    for column in ("phone", "identity_number"):
        index(db, "customer", column)


def down(migrator, db):
    for column in ("phone", "identity_number"):
        drop_index(db, "customer", column)
    unseal_columns(db, "customer", {"phone": 255, "identity_number": 32})
