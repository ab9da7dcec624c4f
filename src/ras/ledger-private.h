/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef RAS_LEDGER_PRIVATE_H
#define RAS_LEDGER_PRIVATE_H

#include <sqlite3.h>

#include <salvage/ledger.h>

struct sv_ledger {
	sqlite3 *db;
	char *path;
	char error[512];
};

/* "0x" and 16 digits: they sort as the numbers do. */
#define LEDGER_HEX 19
void ledger_hex(uint64_t value, char text[LEDGER_HEX]);

/* Keeps why as the ledger's error, with SQLite's words; returns SV_SYSTEM. */
enum sv_status ledger_fail(struct sv_ledger *ledger, const char *why);

/*
 * Prepares sql and binds what follows by format, one letter a value: i int64, s text or NULL, all of which
 * must live as long as the statement. NULL on failure, with the error kept.
 */
sqlite3_stmt *ledger_query(struct sv_ledger *ledger, const char *sql, const char *format, ...);

/* The same for a statement that returns no rows. */
enum sv_status ledger_run(struct sv_ledger *ledger, const char *sql, const char *format, ...);

/* The first column of the first row; no row is SV_OK with *value unchanged. */
enum sv_status ledger_value(struct sv_ledger *ledger, int64_t *value, const char *sql, const char *format,
			    ...);

/* UUID of vm (name or UUID) into text; "" for NULL, which stands for all VMs. SV_MALFORMED with the error. */
enum sv_status ledger_vm(struct sv_ledger *ledger, const char *vm, char text[37]);

enum sv_status ledger_begin(struct sv_ledger *ledger);

/* Commits if status is SV_OK, else rolls back, keeping the first error; returns what is to be returned. */
enum sv_status ledger_end(struct sv_ledger *ledger, enum sv_status status);

#endif
