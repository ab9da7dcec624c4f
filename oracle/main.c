/* SPDX-License-Identifier: BSD-2-Clause */
/* The behaviour oracle's driver: options, workers, progress, report. README.md beside this file. */
#include <errno.h>
#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "integer.h"
#include "minimise.h"
#include "run.h"
#include "translate.h"

#define EXIT_SKIP 77

#define CASES           20000000
#define TRANSLATE_CASES 5000000
#define INTEGER_CASES   5000000

static struct options options = {
	.workers = 2,
	.qemu = "qemu-system-aarch64",
};

static uint64_t number(const char *text, const char *what)
{
	char *end;
	uint64_t value = strtoull(text, &end, 0);

	if (!*text || *end || *text == '-') {
		fprintf(stderr, "oracle: %s: \"%s\" is not a number\n", what, text);
		exit(2);
	}
	return value;
}

static void parse(int argc, char **argv)
{
	static const struct option known[] = {
		{"cases", required_argument, NULL, 'c'},    {"seed", required_argument, NULL, 's'},
		{"workers", required_argument, NULL, 'w'},  {"qemu", required_argument, NULL, 'q'},
		{"guest", required_argument, NULL, 'g'},    {"row", required_argument, NULL, 'r'},
		{"compared", required_argument, NULL, 'o'}, {"translate", no_argument, NULL, 't'},
		{"integer", no_argument, NULL, 'i'},        {NULL, 0, NULL, 0},
	};
	bool counted = false;
	int option;

	options.seed = (uint64_t)time(NULL);
	while ((option = getopt_long(argc, argv, "", known, NULL)) != -1) {
		switch (option) {
		case 'c':
			options.cases = number(optarg, "--cases");
			counted = true;
			break;
		case 's':
			options.seed = number(optarg, "--seed");
			break;
		case 'w':
			options.workers = (unsigned)number(optarg, "--workers");
			break;
		case 'q':
			options.qemu = optarg;
			break;
		case 'g':
			options.guest = optarg;
			break;
		case 'o':
			options.compared = optarg;
			break;
		case 'r':
			options.row = optarg;
			break;
		case 't':
			options.translate = true;
			break;
		case 'i':
			options.integer = true;
			break;
		default:
			exit(2);
		}
	}
	if (!counted)
		options.cases = options.translate ? TRANSLATE_CASES : options.integer ? INTEGER_CASES : CASES;
	if (((options.row || options.compared || options.integer) && options.translate) ||
	    (options.compared && options.integer) || !options.guest || optind != argc || !options.workers ||
	    options.workers > 64 || !options.cases) {
		fprintf(stderr,
			"usage: oracle --guest=ELF [--cases=N] [--seed=N] [--workers=1..64] [--qemu=PROGRAM] "
			"[[--row=ENCODING] [--compared=FILE] | --integer [--row=ENCODING] | --translate]\n");
		exit(2);
	}
}

/* Better said before anything starts. */
static void check_options(void)
{
	size_t count, row = 0;
	const struct sv_row *rows = sv_rows(SV_A64, &count);

	if (access(options.guest, R_OK)) {
		fprintf(stderr, "oracle: --guest: %s: %s\n", options.guest, strerror(errno));
		exit(2);
	}
	if (options.integer && options.row && !integer_has_row(options.row)) {
		fprintf(stderr,
			"oracle: --row: %s: no such encoding; softkvm/a64-integer.isa has the names\n",
			options.row);
		exit(2);
	}
	while (options.row && !options.integer && row < count && strcmp(sv_row_name(&rows[row]), options.row))
		row++;
	if (options.row && !options.integer && row == count) {
		fprintf(stderr, "oracle: --row: %s: no such encoding; isa/a64.isa has the names\n",
			options.row);
		exit(2);
	}
	if (count > ROWS) {
		fprintf(stderr, "oracle: %zu rows are more than %d: raise ROWS in run.h\n", count, ROWS);
		exit(2);
	}
}

static uint64_t progress(const struct results *results, uint64_t *mismatches)
{
	uint64_t cases = 0;

	*mismatches = 0;
	for (unsigned worker = 0; worker < options.workers; worker++) {
		cases += __atomic_load_n(&results[worker].cases, __ATOMIC_RELAXED);
		*mismatches += __atomic_load_n(&results[worker].mismatches, __ATOMIC_RELAXED);
	}
	return cases;
}

/* Waits for the workers; true if all of them did their part. */
static bool watch(const struct results *results)
{
	bool terminal = isatty(STDERR_FILENO), good = true;
	time_t begun = time(NULL), told = begun;

	for (unsigned left = options.workers; left;) {
		int status;
		pid_t pid = waitpid(-1, &status, WNOHANG);

		if (pid > 0) {
			left--;
			good &= WIFEXITED(status) && !WEXITSTATUS(status);
			if (WIFSIGNALED(status))
				fprintf(stderr, "oracle: a worker died: %s\n", strsignal(WTERMSIG(status)));
			continue;
		}
		nanosleep(&(struct timespec){.tv_nsec = 100000000}, NULL);
		if (time(NULL) - told >= (terminal ? 1 : 10)) {
			uint64_t mismatches, cases = progress(results, &mismatches);

			told = time(NULL);
			fprintf(stderr, "%s%llu cases, %llu mismatches, %llu a second%s",
				terminal ? "\r" : "", (unsigned long long)cases,
				(unsigned long long)mismatches,
				(unsigned long long)(cases / (uint64_t)(told - begun)),
				terminal ? "  " : "\n");
		}
	}
	if (terminal)
		fprintf(stderr, "\n");
	return good;
}

int main(int argc, char **argv)
{
	struct results *results;
	char version[256];
	size_t bytes;
	bool good;

	parse(argc, argv);
	check_options();
	options.version = machine_version(options.qemu, version, sizeof(version));
	if (!options.version) {
		printf("SKIP: %s is not there\n", options.qemu);
		return EXIT_SKIP;
	}
	printf("seed %llu, QEMU %s\n", (unsigned long long)options.seed, version);
	fflush(stdout);
	if (options.integer)
		return integer_main(&options, version);
	if (options.translate)
		return translate_main(&options, version);

	bytes = options.workers * sizeof(*results);
	results = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (results == MAP_FAILED) {
		perror("oracle");
		return 1;
	}
	for (unsigned worker = 0; worker < options.workers; worker++) {
		if (!fork()) {
			prctl(PR_SET_PDEATHSIG, SIGKILL);
			_exit(!run_worker(&options, worker, &results[worker]));
		}
	}
	good = watch(results);
	if (!good)
		return 1;
	return report(&options, version, results) ? 0 : 1;
}
