/* SPDX-License-Identifier: BSD-2-Clause */
/* SQLite, with errors as the ledger's. */
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>

#include "ledger-private.h"

void ledger_hex(uint64_t value, char text[LEDGER_HEX])
{
	snprintf(text, LEDGER_HEX, "0x%016" PRIx64, value);
}

enum sv_status ledger_fail(struct sv_ledger *ledger, const char *why)
{
	snprintf(ledger->error, sizeof(ledger->error), "%s: %s: %s", ledger->path, why,
		 sqlite3_errmsg(ledger->db));
	return SV_SYSTEM;
}

static sqlite3_stmt *prepare(struct sv_ledger *ledger, const char *sql, const char *format, va_list ap)
{
	sqlite3_stmt *statement;
	int result = sqlite3_prepare_v2(ledger->db, sql, -1, &statement, NULL);

	for (int i = 1; result == SQLITE_OK && *format; i++, format++) {
		if (*format == 'i')
			result = sqlite3_bind_int64(statement, i, va_arg(ap, int64_t));
		else
			result = sqlite3_bind_text(statement, i, va_arg(ap, const char *), -1, SQLITE_STATIC);
	}
	if (result == SQLITE_OK)
		return statement;
	ledger_fail(ledger, "query");
	sqlite3_finalize(statement);
	return NULL;
}

sqlite3_stmt *ledger_query(struct sv_ledger *ledger, const char *sql, const char *format, ...)
{
	sqlite3_stmt *statement;
	va_list ap;

	va_start(ap, format);
	statement = prepare(ledger, sql, format, ap);
	va_end(ap);
	return statement;
}

/* Runs to the first row, or to the end. */
static enum sv_status finish(struct sv_ledger *ledger, sqlite3_stmt *statement, int64_t *value)
{
	enum sv_status status = SV_OK;
	int result;

	if (!statement)
		return SV_SYSTEM;
	result = sqlite3_step(statement);
	if (result == SQLITE_ROW && value)
		*value = sqlite3_column_int64(statement, 0);
	else if (result != SQLITE_ROW && result != SQLITE_DONE)
		status = ledger_fail(ledger, "query");
	sqlite3_finalize(statement);
	return status;
}

enum sv_status ledger_run(struct sv_ledger *ledger, const char *sql, const char *format, ...)
{
	sqlite3_stmt *statement;
	va_list ap;

	va_start(ap, format);
	statement = prepare(ledger, sql, format, ap);
	va_end(ap);
	return finish(ledger, statement, NULL);
}

enum sv_status ledger_value(struct sv_ledger *ledger, int64_t *value, const char *sql, const char *format,
			    ...)
{
	sqlite3_stmt *statement;
	va_list ap;

	va_start(ap, format);
	statement = prepare(ledger, sql, format, ap);
	va_end(ap);
	return finish(ledger, statement, value);
}

enum sv_status ledger_vm(struct sv_ledger *ledger, const char *vm, char text[37])
{
	uint8_t id[16];

	text[0] = 0;
	if (!vm)
		return SV_OK;
	if (sv_ras_vm_id(vm, id) != SV_OK) {
		snprintf(ledger->error, sizeof(ledger->error), "a VM's name or UUID has 1 to %d bytes",
			 SV_RAS_NAME - 1);
		return SV_MALFORMED;
	}
	sv_ras_id_text(id, text);
	return SV_OK;
}

enum sv_status ledger_begin(struct sv_ledger *ledger)
{
	/* A writer from the start: one that began as a reader could be refused in the middle. */
	return ledger_run(ledger, "BEGIN IMMEDIATE", "");
}

enum sv_status ledger_end(struct sv_ledger *ledger, enum sv_status status)
{
	if (status == SV_OK)
		status = ledger_run(ledger, "COMMIT", "");
	if (status != SV_OK)
		sqlite3_exec(ledger->db, "ROLLBACK", NULL, NULL, NULL);
	return status;
}
