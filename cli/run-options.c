/* SPDX-License-Identifier: BSD-2-Clause */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli.h"
#include "run.h"

#define MEMORY_DEFAULT (UINT64_C(512) << 20)
#define MEMORY_MIN     (UINT64_C(1) << 20)
#define MEMORY_MAX     (UINT64_C(1) << 48)
/* The largest page a host may have: memslots are made of pages. */
#define MEMORY_ALIGN (UINT64_C(64) << 10)
#define TIMEOUT_MAX  (365 * 24 * 3600)

/* What an error line shows of an argument, however long it is. */
#define SHOWN 80

static int set_backend(struct run_options *options, const char *value)
{
	static const char *const names[] = {
		[RUN_AUTO] = "auto", [RUN_KVM] = "kvm", [RUN_SOFT] = "soft", [RUN_LAB] = "lab"};

	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++)
		if (!strcmp(value, names[i])) {
			options->backend = (enum run_backend)i;
			return 0;
		}
	return cli_fail(CLI_USAGE, "run", "--backend=%s: expected auto, kvm, soft or lab", value);
}

static int set_qemu(struct run_options *options, const char *value)
{
	options->qemu = value;
	return 0;
}

static int set_mem(struct run_options *options, const char *value)
{
	uint64_t *memory = &options->vmm.memory;

	if (!cli_size(value, memory) || *memory < MEMORY_MIN || *memory > MEMORY_MAX ||
	    *memory % MEMORY_ALIGN)
		return cli_fail(CLI_USAGE, "run",
				"--mem=%s: expected a size from 1M to 256T in whole 64K, like 512M or 2G",
				value);
	return 0;
}

static int set_smp(struct run_options *options, const char *value)
{
	uint64_t count;

	if (!cli_number(value, &count) || !count || count > VMM_VCPUS_MAX)
		return cli_fail(CLI_USAGE, "run", "--smp=%s: expected a number of vcpus from 1 to %u", value,
				VMM_VCPUS_MAX);
	options->vmm.vcpus = (unsigned)count;
	return 0;
}

static int set_timeout(struct run_options *options, const char *value)
{
	uint64_t seconds;

	if (!cli_number(value, &seconds) || !seconds || seconds > TIMEOUT_MAX)
		return cli_fail(CLI_USAGE, "run", "--timeout=%s: expected a number of seconds from 1 to %u",
				value, TIMEOUT_MAX);
	options->vmm.timeout = (unsigned)seconds;
	return 0;
}

static int set_policy(struct run_options *options, const char *value)
{
	((const char **)options->policies)[options->policy_count++] = value;
	return run_policy_add(&options->vmm.policy, value);
}

static int set_initrd(struct run_options *options, const char *value)
{
	options->vmm.initrd = value;
	return 0;
}

static int set_append(struct run_options *options, const char *value)
{
	options->vmm.append = value;
	return 0;
}

static int set_dtb(struct run_options *options, const char *value)
{
	options->vmm.dtb = value;
	return 0;
}

static int set_symbols(struct run_options *options, const char *value)
{
	options->vmm.symbols = value;
	return 0;
}

static int set_dump_dtb(struct run_options *options, const char *value)
{
	options->dump_dtb = value;
	return 0;
}

static int set_events(struct run_options *options, const char *value)
{
	options->events = value;
	return 0;
}

static int set_ledger(struct run_options *options, const char *value)
{
	options->ledger = value;
	return 0;
}

static int set_journal(struct run_options *options, const char *value)
{
	options->vmm.journal = value;
	return 0;
}

static int set_vm(struct run_options *options, const char *value)
{
	if (strlen(value) >= SV_RAS_NAME)
		return cli_fail(CLI_USAGE, "run", "--vm=%.80s: expected a name or UUID of at most %d bytes",
				value, SV_RAS_NAME - 1);
	options->vmm.name = value;
	return 0;
}

static int set_sea(struct run_options *options, const char *value)
{
	struct vmm_sea_error error;

	if (!vmm_sea_parse(value, &options->sea[options->vmm.sea_count], &error))
		return cli_fail(CLI_USAGE, "--sea", "\"%.*s\": column %zu: %s; written as " VMM_SEA_SYNTAX,
				SHOWN, value, error.column, error.why);
	options->vmm.sea_count++;
	return 0;
}

static int set_aarch32(struct run_options *options, const char *value)
{
	options->vmm.aarch32 = true;
	return 0;
}

static int set_no_salvage(struct run_options *options, const char *value)
{
	options->vmm.salvage = false;
	return 0;
}

static int set_verbose(struct run_options *options, const char *value)
{
	options->vmm.verbose = true;
	return 0;
}

static int set_no_mmio_events(struct run_options *options, const char *value)
{
	options->vmm.no_mmio_events = true;
	return 0;
}

static int set_help(struct run_options *options, const char *value)
{
	options->help = true;
	return 0;
}

/*
 * argument: what its value is called, NULL if it takes none. An empty value is refused unless empty says it
 * has a meaning.
 */
static const struct option {
	const char *name, *argument;
	int (*set)(struct run_options *options, const char *value);
	bool empty;
	const char *help;
} table[] = {
	{"--backend", "auto|kvm|soft|lab", set_backend, false, "where the guest runs (auto: kvm, else soft)"},
	{"--qemu", "PROGRAM|newest", set_qemu, false, "the QEMU that --backend=lab runs"},
	{"--mem", "SIZE", set_mem, false, "RAM (512M)"},
	{"--smp", "N", set_smp, false, "vcpus (1)"},
	{"--aarch32", NULL, set_aarch32, false, "start a flat guest in AArch32 state"},
	{"--initrd", "FILE", set_initrd, false, "initial RAM disk"},
	{"--append", "STRING", set_append, true, "kernel command line"},
	{"--dtb", "FILE", set_dtb, false, "device tree, instead of the platform's own"},
	{"--symbols", "FILE", set_symbols, false, "names of the guest's code, from an ELF file like vmlinux"},
	{"--dump-dtb", "FILE", set_dump_dtb, false, "write the platform's device tree, and run nothing"},
	{"--policy", "RULE|@FILE", set_policy, false, "what to do about which abort; may be repeated"},
	{"--events", "FILE|-", set_events, false, "write events, one JSON object a line"},
	{"--timeout", "SECONDS", set_timeout, false, "end the run with status 108"},
	{"--no-salvage", NULL, set_no_salvage, false, "opt into no capability: what the guest meets today"},
	{"--verbose", NULL, set_verbose, false, "a line for every abort, completed ones too"},
	{"--no-mmio-events", NULL, set_no_mmio_events, false, "no event for each device access"},
	{"--ledger", "FILE", set_ledger, false, "record memory errors in this ledger"},
	{"--vm", "NAME|UUID", set_vm, false, "the VM's name there (the guest's file name)"},
	{"--journal", "FILE", set_journal, false, "record memory errors in a journal only"},
	{"--sea", "SPEC", set_sea, false, "a memory error: " VMM_SEA_SYNTAX " (soft, lab)"},
	{"--help", NULL, set_help, false, "this text"},
};

static void usage(void)
{
	printf("usage: salvage run [OPTION...] GUEST\n\n"
	       "Runs GUEST, an arm64 Image, ELF file or flat binary, in the reference VMM.\n\n");
	for (size_t i = 0; i < sizeof(table) / sizeof(*table); i++) {
		char option[64];

		snprintf(option, sizeof(option), "%s%s%s", table[i].name, table[i].argument ? "=" : "",
			 table[i].argument ? table[i].argument : "");
		printf("  %-28s %s\n", option, table[i].help);
	}
	printf("\nExit status: 0-99 the guest's own, 100 and above salvage's; see salvage-run(1).\n");
}

/* One option and its value, which may be the next argument. */
static int parse_option(struct run_options *options, char **argv, int *index)
{
	const char *argument = argv[*index], *equals = strchr(argument, '=');
	size_t length = equals ? (size_t)(equals - argument) : strlen(argument);

	for (size_t i = 0; i < sizeof(table) / sizeof(*table); i++) {
		const struct option *option = &table[i];
		const char *value = equals ? equals + 1 : NULL;

		if (strlen(option->name) != length || strncmp(option->name, argument, length))
			continue;
		if (!option->argument && value)
			return cli_fail(CLI_USAGE, "run", "%s: takes no value", option->name);
		if (option->argument && !value)
			value = argv[++*index];
		if (option->argument && (!value || (!*value && !option->empty)))
			return cli_fail(CLI_USAGE, "run", "%s: needs a value, %s=%s", option->name,
					option->name, option->argument);
		return option->set(options, value);
	}
	return cli_fail(CLI_USAGE, "run", "%.*s: no such option; \"salvage run --help\" lists them",
			(int)length, argument);
}

int run_options_parse(int argc, char **argv, struct run_options *options)
{
	struct vmm_error error;
	bool over = false;
	int status;

	*options = (struct run_options){.vmm = {.memory = MEMORY_DEFAULT,
						.vcpus = 1,
						.salvage = true,
						.input = STDIN_FILENO,
						.output = STDOUT_FILENO}};
	options->policies = calloc((size_t)argc, sizeof(*options->policies));
	options->sea = calloc((size_t)argc, sizeof(*options->sea));
	options->vmm.sea = options->sea;
	if (!options->policies || !options->sea)
		return cli_fail(CLI_INTERNAL, "run", "no memory");
	for (int i = 1; i < argc; i++) {
		if (!over && !strcmp(argv[i], "--")) {
			over = true;
		} else if (!over && argv[i][0] == '-' && argv[i][1]) {
			status = parse_option(options, argv, &i);
			if (status)
				return status;
		} else if (options->vmm.guest) {
			return cli_fail(CLI_USAGE, "run", "%s: one guest at a time, and %s is one already",
					argv[i], options->vmm.guest);
		} else {
			options->vmm.guest = argv[i];
		}
		if (options->help) {
			usage();
			return 0;
		}
	}
	if (options->ledger && options->vmm.journal)
		return cli_fail(CLI_USAGE, "run",
				"--journal=%s: --ledger has a journal of its own; give one of the two",
				options->vmm.journal);
	if ((options->ledger || options->vmm.journal) && !options->vmm.salvage)
		return cli_fail(CLI_USAGE, "run",
				"--no-salvage: nothing is recorded then; leave out --ledger and --journal");
	if (!options->dump_dtb && (!options->vmm.guest || !*options->vmm.guest))
		return cli_fail(CLI_USAGE, "run", "no guest; \"salvage run [OPTION...] GUEST\" runs one");
	/* Only now is it known how much RAM there is. */
	if (!vmm_sea_check(&options->vmm, &error))
		return cli_fail(error.status, "run", "%s", error.text);
	return 0;
}

void run_options_free(struct run_options *options)
{
	free(options->vmm.policy.rules);
	free((void *)options->policies);
	free(options->sea);
}
