/* SPDX-License-Identifier: BSD-2-Clause */
/* --ledger: the journal beside it, and taking over what is new in it. Never on a vCPU's thread. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <salvage/ledger.h>

#include "cli.h"
#include "run.h"

struct run_ledger {
	struct sv_ledger *ledger;
	char *journal;
	bool failed; /* said once */
};

static void say_once(struct run_ledger *ledger, const char *why)
{
	if (!ledger->failed)
		cli_fail(0, "ledger", "%s; the journal %s keeps what is new, and \"salvage ledger\" reads it",
			 why, ledger->journal);
	ledger->failed = true;
}

static void absorb(struct run_ledger *ledger, const char *journal)
{
	struct sv_absorption result;

	if (sv_ledger_absorb(ledger->ledger, journal, &result) != SV_OK)
		say_once(ledger, sv_ledger_error(ledger->ledger));
	else if (result.text[0])
		say_once(ledger, result.text);
}

void run_ledger_absorb(void *opaque)
{
	struct run_ledger *ledger = opaque;

	absorb(ledger, ledger->journal);
}

struct run_ledger *run_ledger_open(const char *path, const char *vm, int *status)
{
	struct run_ledger *ledger = calloc(1, sizeof(*ledger));
	char text[4200] = "no memory";

	*status = CLI_INTERNAL;
	if (ledger)
		ledger->journal = sv_ledger_journal(path, vm);
	if (ledger && ledger->journal) {
		*status = CLI_UNAVAILABLE;
		if (sv_ledger_open(path, SV_LEDGER_WRITE, &ledger->ledger, text, sizeof(text)) == SV_OK) {
			if (text[0])
				cli_fail(0, "ledger", "%s", text);
			*status = 0;
			return ledger;
		}
	}
	cli_fail(*status, "run", "--ledger=%s: %s", path, text);
	run_ledger_close(ledger);
	return NULL;
}

const char *run_ledger_journal(const struct run_ledger *ledger)
{
	return ledger->journal;
}

void run_ledger_take(struct run_ledger *ledger, const char *file)
{
	absorb(ledger, file);
	/* What could not be taken over stays for people to look at. */
	if (ledger->failed)
		cli_fail(0, "ledger", "%s: the journal of this run, left there", file);
	else
		unlink(file);
}

void run_ledger_close(struct run_ledger *ledger)
{
	if (!ledger)
		return;
	sv_ledger_close(ledger->ledger);
	free(ledger->journal);
	free(ledger);
}
