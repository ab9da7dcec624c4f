/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The schema as its history: a new database goes through every step, so that there is one way to each
 * version. A step that was released is never changed.
 */
#include <stdio.h>

#include "../name.h"
#include "schema.h"

/* steps[n] leads from version n to n + 1. Addresses are text, as SQLite's integers have a sign. */
static const char *const steps[SCHEMA_VERSION] = {
	"CREATE TABLE vms ("
	" id INTEGER PRIMARY KEY, uuid TEXT NOT NULL UNIQUE, name TEXT NOT NULL);"
	"CREATE TABLE boots ("
	" id INTEGER PRIMARY KEY, vm INTEGER NOT NULL REFERENCES vms ON DELETE CASCADE,"
	" uuid TEXT NOT NULL, host_boot TEXT, UNIQUE (vm, uuid));"
	"CREATE TABLE journals ("
	" id TEXT PRIMARY KEY, absorbed INTEGER NOT NULL) WITHOUT ROWID;"
	"CREATE TABLE pages ("
	" id INTEGER PRIMARY KEY, boot INTEGER NOT NULL REFERENCES boots ON DELETE CASCADE,"
	" kind TEXT NOT NULL CHECK (kind IN ('gpa', 'gva', 'unknown')), address TEXT NOT NULL,"
	" inferred INTEGER NOT NULL, source TEXT NOT NULL, count INTEGER NOT NULL,"
	" first_ns INTEGER NOT NULL, last_ns INTEGER NOT NULL, UNIQUE (boot, kind, address));"
	"CREATE TABLE sightings ("
	" journal TEXT NOT NULL, slot INTEGER NOT NULL,"
	" page INTEGER NOT NULL REFERENCES pages ON DELETE CASCADE,"
	" sighting TEXT NOT NULL, source TEXT NOT NULL, valid INTEGER NOT NULL, vcpu INTEGER,"
	" esr TEXT, gpa TEXT, gva TEXT, hva TEXT, pc TEXT,"
	" realtime_ns INTEGER NOT NULL, monotonic_ns INTEGER NOT NULL,"
	" distinct_pages INTEGER NOT NULL, threshold INTEGER NOT NULL, action TEXT,"
	" PRIMARY KEY (journal, slot)) WITHOUT ROWID;"
	"CREATE INDEX sightings_page ON sightings (page);",

	/* Decisions had been columns of the sighting they came with; an operator's own have none. */
	"CREATE TABLE decisions ("
	" id INTEGER PRIMARY KEY, page INTEGER NOT NULL REFERENCES pages ON DELETE CASCADE,"
	" journal TEXT NOT NULL, slot INTEGER NOT NULL, realtime_ns INTEGER NOT NULL,"
	" distinct_pages INTEGER NOT NULL, action TEXT NOT NULL, rule TEXT NOT NULL,"
	" UNIQUE (journal, slot));"
	"CREATE INDEX decisions_page ON decisions (page);"
	"INSERT INTO decisions (page, journal, slot, realtime_ns, distinct_pages, action, rule)"
	" SELECT page, journal, slot, realtime_ns, distinct_pages, action, 'sea:' || threshold || '=' || action"
	" FROM sightings WHERE threshold > 0;"
	"ALTER TABLE sightings DROP COLUMN threshold;"
	"ALTER TABLE sightings DROP COLUMN action;",
};

_Static_assert(COUNT(steps) == SCHEMA_VERSION, "a step for each version");

int schema_version(sqlite3 *db)
{
	sqlite3_stmt *statement;
	int version = -1;

	if (sqlite3_prepare_v2(db, "PRAGMA user_version", -1, &statement, NULL) == SQLITE_OK &&
	    sqlite3_step(statement) == SQLITE_ROW)
		version = sqlite3_column_int(statement, 0);
	sqlite3_finalize(statement);
	return version;
}

/* The version is read again inside: another process may be migrating too. */
static enum sv_status step(sqlite3 *db)
{
	char pragma[40];
	int version;

	if (sqlite3_exec(db, "BEGIN IMMEDIATE", NULL, NULL, NULL) != SQLITE_OK)
		return SV_SYSTEM;
	version = schema_version(db);
	if (version < 0)
		return SV_SYSTEM;
	if (version > SCHEMA_VERSION)
		return SV_UNSUPPORTED;
	if (version < SCHEMA_VERSION) {
		snprintf(pragma, sizeof(pragma), "PRAGMA user_version = %d", version + 1);
		if (sqlite3_exec(db, steps[version], NULL, NULL, NULL) != SQLITE_OK ||
		    sqlite3_exec(db, pragma, NULL, NULL, NULL) != SQLITE_OK)
			return SV_SYSTEM;
	}
	return sqlite3_exec(db, "COMMIT", NULL, NULL, NULL) == SQLITE_OK ? SV_OK : SV_SYSTEM;
}

enum sv_status schema_migrate(sqlite3 *db, int to)
{
	int version = schema_version(db);

	while (version >= 0 && version < to) {
		enum sv_status status = step(db);

		if (status != SV_OK) {
			/* The rollback keeps the error: it is the caller's to read before the next call. */
			return status;
		}
		version = schema_version(db);
	}
	if (version > SCHEMA_VERSION)
		return SV_UNSUPPORTED;
	return version < 0 ? SV_SYSTEM : SV_OK;
}
