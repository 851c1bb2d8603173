-- What this file is: another `version` is made anew from the journal, other `scripts` make the tables and views again.
CREATE SCHEMA IF NOT EXISTS kept;
CREATE TABLE IF NOT EXISTS kept.about (version INTEGER);
CREATE TABLE IF NOT EXISTS kept.scripts (mark VARCHAR);
