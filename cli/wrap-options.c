/* SPDX-License-Identifier: BSD-2-Clause */
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli.h"
#include "run.h"
#include "wrap.h"

static const char usage[] =
	"usage: salvage wrap [OPTION...] -- VMM ARGUMENT...\n\n"
	"Runs VMM, as it is, with salvage before it: its guests survive what KVM gives up on.\n\n"
	"  --policy=RULE|@FILE    what to do about which abort; may be repeated\n"
	"  --events=FILE|-        write events, one JSON object a line\n"
	"  --ledger=FILE          record memory errors in this ledger\n"
	"  --vm=NAME|UUID         the VM's name in events and ledger (the VMM's file name)\n"
	"  --verbose              a line for every abort, not only the first of its kind\n"
	"  --help                 this text\n\n"
	"Exit status: the VMM's; 100, 101 or 106 if it could not be started. See salvage-wrap(1).\n";

static const struct option options_known[] = {
	{"policy", required_argument, NULL, 'p'},
	{"events", required_argument, NULL, 'e'},
	{"ledger", required_argument, NULL, 'l'},
	{"vm", required_argument, NULL, 'n'},
	{"verbose", no_argument, NULL, 'v'},
	{"help", no_argument, NULL, 'h'},
	{NULL, 0, NULL, 0},
};

static int set(struct wrap_options *options, int option, int argc, char **argv)
{
	switch (option) {
	case 'p':
		return run_policy_add(&options->policy, optarg);
	case 'e':
		options->events = optarg;
		return 0;
	case 'l':
		options->ledger = optarg;
		return 0;
	case 'n':
		options->name = optarg;
		return 0;
	case 'v':
		options->verbose = true;
		return 0;
	case 'h':
		options->help = true;
		fputs(usage, stdout);
		return 0;
	case ':':
		return cli_fail(CLI_USAGE, "wrap", "%s: needs a value; \"salvage wrap --help\" shows it",
				argv[optind - 1]);
	default:
		return cli_fail(CLI_USAGE, "wrap", "%s: no such option; \"salvage wrap --help\" lists them",
				argv[optind - 1]);
	}
}

int wrap_options_parse(int argc, char **argv, struct wrap_options *options)
{
	int option, status;

	*options = (struct wrap_options){.vmm = NULL};
	optind = 0;
	opterr = 0;
	/* The VMM's options are its own, also without "--". */
	while ((option = getopt_long(argc, argv, "+:", options_known, NULL)) != -1) {
		status = set(options, option, argc, argv);
		if (status || options->help)
			return status;
	}
	if (optind >= argc)
		return cli_fail(CLI_USAGE, "wrap",
				"no VMM; \"salvage wrap [OPTION...] -- VMM ARGUMENT...\" runs one");
	if (options->policy.count > SHIM_RULES)
		return cli_fail(CLI_USAGE, "wrap", "%zu rules: at most %d can be wrapped around a VMM",
				options->policy.count, SHIM_RULES);
	options->vmm = argv + optind;
	return 0;
}

void wrap_options_free(struct wrap_options *options)
{
	free(options->policy.rules);
}
