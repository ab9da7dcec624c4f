/* SPDX-License-Identifier: BSD-2-Clause */
/* What the command line of "salvage run" says. */
#ifndef CLI_RUN_H
#define CLI_RUN_H

#include <stdbool.h>

#include "../vmm/vm.h"

enum run_backend { RUN_AUTO, RUN_KVM, RUN_SOFT, RUN_LAB };

/* One --policy as it was written, for the laboratory to read again. */
struct run_options {
	struct vmm_config vmm;
	enum run_backend backend;
	const char *qemu;            /* the laboratory's --qemu, or NULL */
	const char *events;          /* file, "-" or NULL */
	const char *dump_dtb;        /* only write the platform's device tree to this file; or NULL */
	const char *const *policies; /* the --policy arguments as given; policy_count */
	size_t policy_count;
	const char *ledger;  /* file or NULL */
	struct vmm_sea *sea; /* vmm.sea_count of them; vmm.sea */
	bool help;
};

/* 0, or the exit status after an error line. *options is to be freed by run_options_free either way. */
int run_options_parse(int argc, char **argv, struct run_options *options);
void run_options_free(struct run_options *options);

/* Adds a --policy argument, RULE or @FILE. 0, or the exit status after an error line. */
int run_policy_add(struct sv_policy *policy, const char *argument);

/* Writes the platform's device tree to options->dump_dtb. 0, or the exit status after an error line. */
int run_dump_dtb(const struct run_options *options);

/*
 * The ledger at path, for one thread at a time; NULL after an error line, with the exit status in *status.
 * absorb takes over what is new in the VM's journal; a failure is said once. take does so with another file,
 * a journal from elsewhere, and removes it.
 */
struct run_ledger *run_ledger_open(const char *path, const char *vm, int *status);
const char *run_ledger_journal(const struct run_ledger *ledger);
void run_ledger_absorb(void *ledger);
void run_ledger_take(struct run_ledger *ledger, const char *file);
void run_ledger_close(struct run_ledger *ledger);

/* The VM's name in the ledger: --vm, else the guest's file name. As long as options lives. */
const char *run_vm_name(const struct run_options *options);

/* The kernel that --backend=soft runs on; soft is its to use, and the caller's to free after the run. */
struct sv_soft;
struct vmm_kernel run_soft_kernel(struct sv_soft *soft);

/* Runs the same in the laboratory. */
int run_in_lab(const struct run_options *options);

#endif
