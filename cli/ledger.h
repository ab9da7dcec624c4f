/* SPDX-License-Identifier: BSD-2-Clause */
/* salvage ledger: what its subcommands share. Each returns an exit status. */
#ifndef CLI_LEDGER_H
#define CLI_LEDGER_H

#include <sys/types.h>

#include <salvage/ledger.h>

#include "cli.h"

struct ledger_options {
	const char *path, *vm;
	const char *argument; /* what is no option, or NULL */
	bool json, all;
	bool soft, dry;
	bool has_pid, has_hva;
	uint64_t pid, hva;
};

int ledger_list(struct sv_ledger *ledger, const struct ledger_options *options);
int ledger_show(struct sv_ledger *ledger, const struct ledger_options *options);
int ledger_metrics(struct sv_ledger *ledger, const struct ledger_options *options);
int ledger_export(struct sv_ledger *ledger, const struct ledger_options *options);
int ledger_import(struct sv_ledger *ledger, const struct ledger_options *options);
int ledger_forget(struct sv_ledger *ledger, const struct ledger_options *options);

/* ledger is NULL if the address was given. */
int ledger_offline(struct sv_ledger *ledger, const struct ledger_options *options);

/* Prints the ledger's error; returns the status for it. */
int ledger_failed(struct sv_ledger *ledger, enum sv_status status);

/* The argument as an address; false after an error line. */
bool ledger_address(const struct ledger_options *options, uint64_t *address);

#endif
