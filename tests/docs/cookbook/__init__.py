"""The cookbook of SQL: four days of exchanges, the same every time, and the answers of `docs/sql.md` about them."""
