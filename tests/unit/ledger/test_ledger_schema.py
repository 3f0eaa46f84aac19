"""Which revisions a program knows, read without Alembic."""

from alembic.script import ScriptDirectory

from ledger import schema


def test_they_are_those_that_alembic_finds() -> None:
    scripts = ScriptDirectory(str(schema.MIGRATIONS))
    found = {one.revision: one.down_revision for one in scripts.walk_revisions()}
    assert schema._known() == found
    assert scripts.get_heads() == [schema.newest()]
    assert schema.FITS_FROM in found
