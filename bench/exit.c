/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * On a real KVM: what an emulated ISV=0 access costs over an MMIO access that the CPU described, in the
 * same run of one guest (tests/guests/bench-exit.c). On an arm64 host with /dev/kvm directly, else in the
 * laboratory.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "bench.h"
#include "cli.h"

#define GUEST "tests/guests/bench-exit.elf"

/* Runs this command again on the guest, its output into a pipe. */
static FILE *start(const char *guest, pid_t *child)
{
	bool native = !access("/dev/kvm", R_OK | W_OK) && !strcmp(SALVAGE_CPU, "aarch64");
	int ends[2];

	if (pipe(ends))
		return NULL;
	*child = fork();
	if (*child < 0)
		return NULL;
	if (!*child) {
		dup2(ends[1], STDOUT_FILENO);
		close(ends[0]);
		close(ends[1]);
		execl("/proc/self/exe", "salvage", "run", native ? "--backend=kvm" : "--backend=lab",
		      "--timeout=120", guest, (char *)NULL);
		_exit(CLI_INTERNAL);
	}
	close(ends[1]);
	return fdopen(ends[0], "r");
}

int bench_exit(void)
{
	char *guest = cli_resource(GUEST), line[256];
	double described[2] = {0};
	unsigned rows = 0;
	int status = 0;
	pid_t child;
	FILE *out;

	if (!guest)
		return bench_fail("exit", "the guest " GUEST " is missing; run make");
	out = start(guest, &child);
	free(guest);
	if (!out)
		return bench_fail("exit", "cannot start the guest");
	printf("%-26s %14s %10s %22s\n", "on KVM", "ticks", "accesses", "over the ISV=1 access");
	while (fgets(line, sizeof(line), out)) {
		unsigned long long ticks, rounds, accesses;
		char name[64];
		double each;

		if (sscanf(line, "%63[^\t]\t%llu\t%llu\t%llu", name, &ticks, &rounds, &accesses) != 4 ||
		    !rounds)
			continue;
		each = (double)ticks / (double)rounds;
		/* The first two rows are the yardsticks: a load and a store that the CPU describes. */
		if (rows < 2)
			described[rows] = each;
		printf("%-26s %14.1f %10llu %22.2f\n", name, each, accesses,
		       each / described[name[0] == 's']);
		rows++;
	}
	fclose(out);
	waitpid(child, &status, 0);
	if (!WIFEXITED(status) || WEXITSTATUS(status) || rows < 3)
		return bench_fail("exit", "the guest did not run to its end");
	return 0;
}
