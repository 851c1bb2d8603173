"""State: what the gateway must know tomorrow and may change today, in one SQLite file or in PostgreSQL.

Whoever needs its records alone takes them from `records`, which brings no database with it; a worker has
`when_needed`, which loads the database at the first question; Alembic comes with `schema` alone.
"""
