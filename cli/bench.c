/* SPDX-License-Identifier: BSD-2-Clause */
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include <bench.h>

#include "cli.h"

static const struct {
	const char *name, *summary;
	int (*run)(void);
} benches[] = {
	{"decode", "time to decode a word, next to Capstone", bench_decode},
	{"abort", "one resolved abort against a vCPU in memory", bench_abort},
	{"translate", "one stage-1 translation, tables in memory", bench_translate},
	{"ras", "recording a memory error: first sighting, repeat, and what it costs others", bench_ras},
	{"softkvm", "an emulated access on softkvm, from the guest and back", bench_softkvm},
	{"cpu", "softkvm's CPU: guest instructions a second, and an exit", bench_cpu},
	{"exit", "an emulated access on a real KVM, over one that the CPU describes", bench_exit},
};

#define BENCHES (sizeof(benches) / sizeof(*benches))

static void usage(void)
{
	printf("usage: salvage bench [NAME...]\n\n"
	       "Runs the named benchmarks, or all, and prints a table for each.\n\n");
	for (size_t i = 0; i < BENCHES; i++)
		printf("  %-10s %s\n", benches[i].name, benches[i].summary);
}

/* The benchmark's index, or BENCHES. */
static size_t find(const char *name)
{
	size_t i = 0;

	while (i < BENCHES && strcmp(benches[i].name, name))
		i++;
	return i;
}

static int run(size_t i, bool first)
{
	if (!first)
		putchar('\n');
	printf("== %s: %s\n\n", benches[i].name, benches[i].summary);
	fflush(stdout);
	return benches[i].run();
}

int cli_bench(int argc, char **argv)
{
	int status = 0;

	for (int i = 1; i < argc; i++) {
		if (!strcmp(argv[i], "--help")) {
			usage();
			return 0;
		}
		if (find(argv[i]) == BENCHES)
			return cli_fail(CLI_USAGE, argv[i],
					"no such benchmark; \"salvage bench --help\" lists them");
	}
	if (argc < 2)
		for (size_t i = 0; i < BENCHES && !status; i++)
			status = run(i, !i);
	for (int i = 1; i < argc && !status; i++)
		status = run(find(argv[i]), i == 1);
	return status;
}
