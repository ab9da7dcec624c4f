/* SPDX-License-Identifier: BSD-2-Clause */
/* Without SQLite there is no ledger; a run can still keep a journal. */
#include <stddef.h>

#include "cli.h"
#include "run.h"

struct run_ledger *run_ledger_open(const char *path, const char *vm, int *status)
{
	*status =
		cli_fail(CLI_UNAVAILABLE, "run",
			 "--ledger=%s: this salvage was built without SQLite; --journal=FILE keeps a journal",
			 path);
	return NULL;
}

void run_ledger_absorb(void *opaque)
{
}

const char *run_ledger_journal(const struct run_ledger *ledger)
{
	return NULL;
}

void run_ledger_take(struct run_ledger *ledger, const char *file)
{
}

void run_ledger_close(struct run_ledger *ledger)
{
}
