/* SPDX-License-Identifier: BSD-2-Clause */
/* salvage conform: the suite's command line, and its lines. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>
#include <unistd.h>

#include <salvage/softkvm.h>
#include <suite.h>

#include "cli.h"
#include "conform.h"
#include "run.h"

#define FAILED 1

/* What there is to run on. A further implementation of the kernel's requests needs a line here. */
struct subject {
	struct conform_backend backend;
	struct vmm_kernel kernel;
	struct sv_soft *soft; /* backend soft */
};

static int choose(const struct conform_options *options, struct subject *subject)
{
	struct utsname host;
	bool arm64 = !uname(&host) && !strcmp(host.machine, "aarch64") && !access("/dev/kvm", F_OK);

	if (options->where == CONFORM_KVM || (options->where == CONFORM_AUTO && arm64)) {
		subject->kernel = vmm_kernel_system;
	} else {
		subject->soft = sv_soft_new(NULL);
		if (!subject->soft)
			return cli_fail(CLI_INTERNAL, "conform", "no memory");
		subject->kernel = run_soft_kernel(subject->soft);
	}
	subject->backend.name = subject->soft ? "soft" : "kvm";
	subject->backend.kernel = &subject->kernel;
	subject->backend.model = subject->soft;
	subject->backend.poison = options->poison;
	return 0;
}

static void print_lines(const struct conform_outcome *outcome)
{
	for (size_t i = 0; i < outcome->count; i++)
		printf("#   %s\n", outcome->lines[i]);
}

static void print_outcome(const struct conform_options *options, size_t number,
			  const struct conform_case *row, const struct conform_outcome *outcome)
{
	const char *reason = outcome->reason ? outcome->reason : "no memory";

	if (outcome->verdict == CONFORM_SKIPPED) {
		printf("ok %zu - %s # SKIP %s\n", number, row->name, reason);
	} else {
		printf("%s %zu - %s: %s\n", outcome->verdict == CONFORM_OK ? "ok" : "not ok", number,
		       row->name, row->summary);
		if (outcome->verdict == CONFORM_NOT_OK)
			printf("# %s: %s\n", row->name, reason);
		if (options->verbose || outcome->verdict == CONFORM_NOT_OK)
			print_lines(outcome);
	}
	fflush(stdout);
}

static size_t count(const struct conform_options *options)
{
	const struct conform_case *row;
	size_t wanted = 0;

	for (size_t i = 0; (row = conform_case(i)); i++)
		wanted += conform_options_name(options, row->name);
	return wanted;
}

static int list(const struct conform_options *options)
{
	const struct conform_case *row;

	for (size_t i = 0; (row = conform_case(i)); i++)
		if (conform_options_name(options, row->name))
			printf("%-22s %s\n", row->name, row->summary);
	return 0;
}

static void say_choices(const struct conform_choices *choices, json_t *about)
{
	json_t *object = json_object();

	for (size_t i = 0; i < choices->count; i++) {
		printf("# this kernel: %s=%s\n", choices->at[i].family, choices->at[i].member);
		json_object_set_new(object, choices->at[i].family, json_string(choices->at[i].member));
	}
	json_object_set_new(about, "behaviour", object);
}

static void bind(const struct conform_options *options, struct conform_choices *choices)
{
	for (int i = 0; i < options->behaviour_count; i++) {
		const char *text = options->behaviours[i];
		int length = (int)strcspn(text, "=");

		snprintf(choices->at[i].family, CONFORM_WORD, "%.*s", length, text);
		snprintf(choices->at[i].member, CONFORM_WORD, "%s", text + length + 1);
	}
	choices->count = (size_t)options->behaviour_count;
}

static int run(const struct conform_options *options, const struct conform_backend *backend,
	       struct conform_results *results)
{
	struct conform_choices choices = {0};
	const struct conform_case *row;
	size_t wanted = count(options);
	int status = 0;
	char why[512];

	results->about = conform_describe(backend, why);
	if (!results->about)
		return cli_fail(CLI_UNAVAILABLE, "conform", "%s", why);
	results->outcomes = calloc(wanted, sizeof(*results->outcomes));
	if (!results->outcomes)
		return cli_fail(CLI_INTERNAL, "conform", "no memory");
	bind(options, &choices);
	printf("1..%zu\n", wanted);
	for (size_t i = 0; (row = conform_case(i)); i++) {
		struct conform_outcome *outcome = &results->outcomes[results->count];

		if (!conform_options_name(options, row->name))
			continue;
		results->count++;
		if (!conform_run_case(row, backend, &choices, outcome))
			return cli_fail(CLI_INTERNAL, "conform", "%s: no memory, or no process", row->name);
		print_outcome(options, results->count, row, outcome);
		if (outcome->verdict == CONFORM_NOT_OK)
			status = FAILED;
	}
	say_choices(&choices, results->about);
	return status;
}

static int write_results(const struct conform_options *options, const struct conform_results *results)
{
	char why[512];

	if (!options->results || conform_results_write(results, options->results, why))
		return 0;
	return cli_fail(CLI_USAGE, "conform", "--results=%s", why);
}

static int compare(const struct conform_results *ours, const struct conform_results *theirs)
{
	struct conform_comparison is = conform_compare(ours, theirs, stdout);

	printf("# compare: %zu cases alike, %zu explained, %zu different, %zu run on one side only\n",
	       is.alike, is.explained, is.different, is.alone);
	return is.different ? FAILED : 0;
}

int cli_conform(int argc, char **argv)
{
	struct conform_options options = {.names = calloc((size_t)argc, sizeof(*options.names))};
	struct conform_results ours = {0}, theirs = {0};
	struct subject subject = {0};
	int status = options.names ? conform_options_parse(argc, argv, &options)
				   : cli_fail(CLI_INTERNAL, "conform", "no memory");
	char why[512];

	if (status || options.help)
		goto out;
	if (options.list) {
		status = list(&options);
		goto out;
	}
	/* Before minutes go into a run. */
	if (options.compare && !conform_results_read(&theirs, options.compare, why)) {
		status = cli_fail(CLI_USAGE, "conform", "--compare=%s", why);
		goto out;
	}
	if (options.where == CONFORM_LAB) {
		status = conform_in_lab(&options);
		goto out;
	}
	if (options.from) {
		if (!conform_results_read(&ours, options.from, why))
			status = cli_fail(CLI_USAGE, "conform", "--from=%s", why);
	} else {
		status = choose(&options, &subject);
		if (!status)
			status = run(&options, &subject.backend, &ours);
		if (status <= FAILED) {
			int written = write_results(&options, &ours);

			status = written ? written : status;
		}
	}
	if (status <= FAILED && options.compare) {
		int compared = compare(&ours, &theirs);

		status = compared ? compared : status;
	}
out:
	sv_soft_free(subject.soft);
	conform_results_free(&ours);
	conform_results_free(&theirs);
	free(options.names);
	return status;
}
