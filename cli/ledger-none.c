/* SPDX-License-Identifier: BSD-2-Clause */
#include "cli.h"

int cli_ledger(int argc, char **argv)
{
	return cli_fail(CLI_UNAVAILABLE, "ledger",
			"this salvage was built without SQLite, for the laboratory; use the host's");
}
