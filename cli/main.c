/* SPDX-License-Identifier: BSD-2-Clause */
#include <stdio.h>
#include <string.h>

#include <salvage/salvage.h>

#include "cli.h"

static const struct cli_command commands[] = {
	{"run", "run a guest in the reference VMM", cli_run},
	{"decode", "disassemble words and show what they access", cli_decode},
	{"explain", "say in words what an abort was and what to do about it", cli_explain},
	{"wrap", "run an unmodified VMM whose guests survive", cli_wrap},
	{"lint", "find under plain QEMU the accesses that KVM cannot emulate", cli_lint},
	{"lab", "run an arm64 program under a real KVM, on any machine", cli_lab},
	{"doctor", "say what this host and a VMM lack, and what to do about it", cli_doctor},
	{"ledger", "what memory errors guests have met, and what to do about them", cli_ledger},
	{"conform", "show that a KVM does what arm64's API promises about aborts", cli_conform},
	{"bench", "measure salvage, next to its peers", cli_bench},
};

static void usage(FILE *out)
{
	fputs("usage: salvage COMMAND [ARGUMENT...]\n\n", out);
	for (size_t i = 0; i < sizeof(commands) / sizeof(*commands); i++)
		fprintf(out, "  %-8s %s\n", commands[i].name, commands[i].summary);
	fputs("\n\"salvage COMMAND --help\" and the manual page salvage-COMMAND(1) say more.\n", out);
}

int main(int argc, char **argv)
{
	if (argc < 2) {
		usage(stderr);
		return CLI_USAGE;
	}
	if (!strcmp(argv[1], "--help") || !strcmp(argv[1], "help")) {
		usage(stdout);
		return 0;
	}
	if (!strcmp(argv[1], "--version")) {
		printf("salvage %s\n", sv_version());
		return 0;
	}
	for (size_t i = 0; i < sizeof(commands) / sizeof(*commands); i++)
		if (!strcmp(argv[1], commands[i].name))
			return commands[i].main(argc - 1, argv + 1);
	return cli_fail(CLI_USAGE, argv[1], "no such command; \"salvage --help\" lists them");
}
