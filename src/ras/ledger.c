/* SPDX-License-Identifier: BSD-2-Clause */
/* Opening the database, and setting it aside if it is none. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "directory.h"
#include "ledger-private.h"
#include "schema.h"

#define ASIDE_MAX 99

/* Another process may be migrating, or absorbing a large journal. */
#define BUSY_MS 10000

/* Whether SQLite finds the file to be whole. Errors that are not the file's fault say nothing against it. */
static bool is_damaged(sqlite3 *db)
{
	sqlite3_stmt *statement = NULL;
	int result = sqlite3_prepare_v2(db, "PRAGMA quick_check(1)", -1, &statement, NULL);
	bool damaged = false;

	if (result == SQLITE_OK) {
		result = sqlite3_step(statement);
		damaged =
			result == SQLITE_ROW && strcmp((const char *)sqlite3_column_text(statement, 0), "ok");
	}
	sqlite3_finalize(statement);
	return damaged || result == SQLITE_CORRUPT || result == SQLITE_NOTADB;
}

static enum sv_status open_database(struct sv_ledger *ledger, enum sv_ledger_mode mode)
{
	int flags =
		mode == SV_LEDGER_READ ? SQLITE_OPEN_READONLY : SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE;
	enum sv_status status;

	if (sqlite3_open_v2(ledger->path, &ledger->db, flags, NULL) != SQLITE_OK)
		return ledger_fail(ledger, "cannot be opened");
	sqlite3_busy_timeout(ledger->db, BUSY_MS);
	sqlite3_extended_result_codes(ledger->db, 0);
	if (is_damaged(ledger->db)) {
		ledger_fail(ledger, "is damaged or no database");
		return SV_DAMAGED;
	}
	if (mode == SV_LEDGER_READ) {
		int version = schema_version(ledger->db);

		if (version == SCHEMA_VERSION)
			return SV_OK;
		if (version < 0)
			return ledger_fail(ledger, "cannot be read");
		snprintf(ledger->error, sizeof(ledger->error),
			 version > SCHEMA_VERSION
				 ? "%s: is of a later version of salvage (schema %d)"
				 : "%s: is no ledger, or of an earlier version (schema %d); opening it "
				   "to write migrates it",
			 ledger->path, version);
		return SV_UNSUPPORTED;
	}
	/* synchronous: the journal is given free for reuse once the ledger says that it has a record. */
	if (sqlite3_exec(ledger->db,
			 "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA foreign_keys = ON",
			 NULL, NULL, NULL) != SQLITE_OK)
		return ledger_fail(ledger, "cannot be written");
	status = schema_migrate(ledger->db, SCHEMA_VERSION);
	if (status == SV_SYSTEM)
		return ledger_fail(ledger, "cannot be migrated");
	if (status == SV_UNSUPPORTED)
		snprintf(ledger->error, sizeof(ledger->error),
			 "%s: is of a later version of salvage (schema %d)", ledger->path,
			 schema_version(ledger->db));
	return status;
}

/* Renames the database and what belongs to it; aside gets the new name. */
static bool set_aside(const char *path, char *aside, size_t size)
{
	static const char *const parts[] = {"-wal", "-shm", ""};
	char from[4200], to[4200];

	for (unsigned n = 1; n <= ASIDE_MAX; n++) {
		snprintf(aside, size, "%s.damaged-%u", path, n);
		if (!access(aside, F_OK))
			continue;
		/* The database last: until then the whole is there to be tried again. */
		for (size_t i = 0; i < sizeof(parts) / sizeof(*parts); i++) {
			snprintf(from, sizeof(from), "%s%s", path, parts[i]);
			snprintf(to, sizeof(to), "%s%s", aside, parts[i]);
			if (rename(from, to) && errno != ENOENT)
				return false;
		}
		return true;
	}
	return false;
}

/* With the directory locked, so that of two processes that find the damage one finds it repaired. */
static enum sv_status replace(struct sv_ledger *ledger, char *text, size_t size)
{
	int directory = directory_lock(ledger->path);
	char aside[4200], why[sizeof(ledger->error)];
	enum sv_status status;

	sqlite3_close_v2(ledger->db);
	ledger->db = NULL;
	status = open_database(ledger, SV_LEDGER_WRITE);
	if (status == SV_DAMAGED) {
		memcpy(why, ledger->error, sizeof(why));
		sqlite3_close_v2(ledger->db);
		ledger->db = NULL;
		if (set_aside(ledger->path, aside, sizeof(aside))) {
			status = open_database(ledger, SV_LEDGER_WRITE);
			if (status == SV_OK)
				snprintf(text, size, "%s; it was set aside as %s and a new ledger begun", why,
					 aside);
		} else {
			snprintf(ledger->error, sizeof(ledger->error), "%.300s; it cannot be set aside: %s",
				 why, strerror(errno));
			status = SV_SYSTEM;
		}
	}
	if (directory >= 0)
		close(directory);
	return status;
}

enum sv_status sv_ledger_open(const char *path, enum sv_ledger_mode mode, struct sv_ledger **opened,
			      char *text, size_t size)
{
	struct sv_ledger *ledger = calloc(1, sizeof(*ledger));
	enum sv_status status;

	*opened = NULL;
	snprintf(text, size, "%s", "");
	if (ledger)
		ledger->path = strdup(path);
	if (!ledger || !ledger->path || strlen(path) > 4000) {
		snprintf(text, size, "%.80s: %s", path,
			 ledger && ledger->path ? "the name is too long" : "no memory");
		sv_ledger_close(ledger);
		return SV_SYSTEM;
	}
	status = open_database(ledger, mode);
	if (status == SV_DAMAGED && mode == SV_LEDGER_WRITE)
		status = replace(ledger, text, size);
	if (status == SV_OK) {
		*opened = ledger;
		return SV_OK;
	}
	snprintf(text, size, "%s", ledger->error);
	sv_ledger_close(ledger);
	return status;
}

void sv_ledger_close(struct sv_ledger *ledger)
{
	if (!ledger)
		return;
	sqlite3_close_v2(ledger->db);
	free(ledger->path);
	free(ledger);
}

const char *sv_ledger_error(const struct sv_ledger *ledger)
{
	return ledger->error;
}
