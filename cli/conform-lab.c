/* SPDX-License-Identifier: BSD-2-Clause */
/* --backend=lab: the arm64 build of this command on the laboratory's KVM; the result file comes back. */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "cli.h"
#include "conform.h"

#define INNER_COMMAND "arm64/salvage"
#define INNER_RESULTS "/run/salvage-results"

/* Of options that become one word each, and words that are always there. */
#define WORDS (24 + CONFORM_FAMILIES)

struct words {
	char *word[WORDS];
	int count;
	bool failed;
};

static __attribute__((format(printf, 2, 3))) void add(struct words *words, const char *format, ...)
{
	va_list ap;

	va_start(ap, format);
	if (words->count + 1 >= WORDS || vasprintf(&words->word[words->count], format, ap) < 0)
		words->failed = true;
	else
		words->count++;
	va_end(ap);
}

int conform_in_lab(const struct conform_options *options)
{
	char *inner = cli_resource(INNER_COMMAND), **all;
	struct words words = {0};
	int status;

	if (!inner)
		return cli_fail(CLI_UNAVAILABLE, "conform",
				"the arm64 build of this command (" INNER_COMMAND
				") is missing; make builds it");
	add(&words, "lab");
	add(&words, "--sea");
	if (options->kernel)
		add(&words, "--kernel=%s", options->kernel);
	if (options->qemu)
		add(&words, "--qemu=%s", options->qemu);
	if (options->cpu)
		add(&words, "--cpu=%s", options->cpu);
	if (options->compare)
		add(&words, "--file=%s", options->compare);
	if (options->results)
		add(&words, "--output=" INNER_RESULTS ":%s", options->results);
	add(&words, "--");
	add(&words, "%s", inner);
	add(&words, "conform");
	add(&words, "--backend=kvm");
	add(&words, "--poison");
	for (int i = 0; i < options->behaviour_count; i++)
		add(&words, "--behaviour=%s", options->behaviours[i]);
	if (options->verbose)
		add(&words, "--verbose");
	if (options->compare)
		add(&words, "--compare=%s", options->compare);
	if (options->results)
		add(&words, "--results=" INNER_RESULTS);
	add(&words, "--");
	all = calloc((size_t)(words.count + options->count) + 1, sizeof(*all));
	if (words.failed || !all) {
		status = cli_fail(CLI_INTERNAL, "conform", "no memory");
	} else {
		for (int i = 0; i < words.count; i++)
			all[i] = words.word[i];
		for (int i = 0; i < options->count; i++)
			all[words.count + i] = options->names[i];
		status = cli_lab(words.count + options->count, all);
	}
	free(all);
	while (words.count)
		free(words.word[--words.count]);
	free(inner);
	return status;
}
