/* SPDX-License-Identifier: BSD-2-Clause */
#include <fnmatch.h>
#include <stdio.h>
#include <string.h>

#include <case.h>

#include "cli.h"
#include "conform.h"

static int set_backend(struct conform_options *options, const char *value)
{
	static const char *const names[] = {[CONFORM_AUTO] = "auto",
					    [CONFORM_KVM] = "kvm",
					    [CONFORM_SOFT] = "soft",
					    [CONFORM_LAB] = "lab"};

	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++)
		if (!strcmp(value, names[i])) {
			options->where = (enum conform_where)i;
			return 0;
		}
	return cli_fail(CLI_USAGE, "conform", "--backend=%s: expected auto, kvm, soft or lab", value);
}

#define SETTER(name)                                                              \
	static int set_##name(struct conform_options *options, const char *value) \
	{                                                                         \
		options->name = value;                                            \
		return 0;                                                         \
	}
SETTER(results)
SETTER(compare)
SETTER(from)
SETTER(kernel)
SETTER(qemu)
SETTER(cpu)

#define FLAG(name)                                                                \
	static int set_##name(struct conform_options *options, const char *value) \
	{                                                                         \
		options->name = true;                                             \
		return 0;                                                         \
	}
FLAG(list)
FLAG(verbose)
FLAG(poison)
FLAG(help)

/* Whether some case names it, so that a misspelt one is not simply never met. */
static bool is_behaviour(const char *value)
{
	const struct conform_case *row;
	char tag[2 * CONFORM_WORD + 4];

	if (strlen(value) >= 2 * CONFORM_WORD || !strchr(value, '='))
		return false;
	snprintf(tag, sizeof(tag), "[%s]", value);
	for (size_t i = 0; (row = conform_case(i)); i++)
		if (strstr(row->expected, tag))
			return true;
	return false;
}

static int set_behaviour(struct conform_options *options, const char *value)
{
	if (!is_behaviour(value))
		return cli_fail(CLI_USAGE, "conform",
				"--behaviour=%s: no case knows it; written as inject=at-once", value);
	for (int i = 0; i < options->behaviour_count; i++)
		if (!strncmp(options->behaviours[i], value, strcspn(value, "=") + 1))
			return cli_fail(CLI_USAGE, "conform", "--behaviour=%s: %s was given before", value,
					options->behaviours[i]);
	if (options->behaviour_count == CONFORM_FAMILIES)
		return cli_fail(CLI_USAGE, "conform", "--behaviour=%s: one too many", value);
	options->behaviours[options->behaviour_count++] = value;
	return 0;
}

/* argument: what its value is called, NULL if it takes none. */
static const struct option {
	const char *name, *argument;
	int (*set)(struct conform_options *options, const char *value);
	const char *help;
} table[] = {
	{"--backend", "auto|kvm|soft|lab", set_backend,
	 "what is held to the suite (auto: /dev/kvm, else soft)"},
	{"--results", "FILE", set_results, "write what came out, with what it came out on"},
	{"--compare", "FILE", set_compare, "compare with such a file, line by line"},
	{"--from", "FILE", set_from, "run nothing: take such a file for this run"},
	{"--kernel", "IMAGE|DEB", set_kernel, "the kernel of the laboratory"},
	{"--qemu", "PROGRAM|newest", set_qemu, "the QEMU of the laboratory"},
	{"--cpu", "NAME", set_cpu, "the CPU of the laboratory"},
	{"--behaviour", "FAMILY=MEMBER", set_behaviour,
	 "the only one of its kind to be right; may be repeated"},
	{"--poison", NULL, set_poison, "poison pages of this host's memory, for good (kvm; needs root)"},
	{"--list", NULL, set_list, "print the cases, and run none"},
	{"--verbose", NULL, set_verbose, "print every transcript"},
	{"--help", NULL, set_help, "this text"},
};

static void usage(void)
{
	printf("usage: salvage conform [OPTION...] [NAME...]\n\n"
	       "Shows whether a KVM does what arm64's API promises about aborts: small guests, the host\n"
	       "programs beside them, and what both of them see. One line a case (TAP). NAME may be a\n"
	       "pattern, like 'mmio_*'.\n\n");
	for (size_t i = 0; i < sizeof(table) / sizeof(*table); i++) {
		char option[64];

		snprintf(option, sizeof(option), "%s%s%s", table[i].name, table[i].argument ? "=" : "",
			 table[i].argument ? table[i].argument : "");
		printf("  %-27s %s\n", option, table[i].help);
	}
	printf("\nExit status: 0; 1 if a case failed, or a difference is not explained; 100 and above\n"
	       "salvage's own; see salvage-conform(1).\n");
}

static int parse_option(struct conform_options *options, char **argv, int *index)
{
	const char *argument = argv[*index], *equals = strchr(argument, '=');
	size_t length = equals ? (size_t)(equals - argument) : strlen(argument);

	for (size_t i = 0; i < sizeof(table) / sizeof(*table); i++) {
		const struct option *option = &table[i];
		const char *value = equals ? equals + 1 : NULL;

		if (strlen(option->name) != length || strncmp(option->name, argument, length))
			continue;
		if (!option->argument && value)
			return cli_fail(CLI_USAGE, "conform", "%s: takes no value", option->name);
		if (option->argument && !value)
			value = argv[++*index];
		if (option->argument && (!value || !*value))
			return cli_fail(CLI_USAGE, "conform", "%s: needs a value, %s=%s", option->name,
					option->name, option->argument);
		return option->set(options, value);
	}
	return cli_fail(CLI_USAGE, "conform", "%.*s: no such option; \"salvage conform --help\" lists them",
			(int)length, argument);
}

static bool matches_any(const char *pattern)
{
	const struct conform_case *row;

	for (size_t i = 0; (row = conform_case(i)); i++)
		if (!fnmatch(pattern, row->name, 0))
			return true;
	return false;
}

bool conform_options_name(const struct conform_options *options, const char *name)
{
	for (int i = 0; i < options->count; i++)
		if (!fnmatch(options->names[i], name, 0))
			return true;
	return !options->count;
}

/* What makes no sense together. */
static int check(const struct conform_options *options)
{
	bool lab = options->where == CONFORM_LAB;
	const char *of_lab = options->kernel ? "--kernel"
			     : options->qemu ? "--qemu"
			     : options->cpu  ? "--cpu"
					     : NULL;

	if (of_lab && !lab)
		return cli_fail(CLI_USAGE, "conform", "%s: is the laboratory's; add --backend=lab", of_lab);
	if (options->poison && options->where != CONFORM_KVM && options->where != CONFORM_AUTO)
		return cli_fail(CLI_USAGE, "conform",
				"--poison: is for this host's memory; leave it out, or add --backend=kvm");
	if (options->from && (options->where != CONFORM_AUTO || options->poison || options->results))
		return cli_fail(CLI_USAGE, "conform",
				"--from=%s: nothing is run; leave out --backend, --poison and --results",
				options->from);
	return 0;
}

int conform_options_parse(int argc, char **argv, struct conform_options *options)
{
	bool over = false;

	for (int i = 1; i < argc && !options->help; i++) {
		if (!over && !strcmp(argv[i], "--")) {
			over = true;
		} else if (!over && argv[i][0] == '-' && argv[i][1]) {
			int status = parse_option(options, argv, &i);

			if (status)
				return status;
		} else if (!matches_any(argv[i])) {
			return cli_fail(CLI_USAGE, "conform",
					"%s: no such case; \"salvage conform --list\" lists them", argv[i]);
		} else {
			options->names[options->count++] = argv[i];
		}
	}
	if (options->help)
		usage();
	return options->help ? 0 : check(options);
}
