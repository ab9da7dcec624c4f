/* SPDX-License-Identifier: BSD-2-Clause */
/* --policy: rules from the command line and from files. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli.h"
#include "run.h"

/* What an error line shows of a rule, however long it is. */
#define SHOWN 80

/* where is "--policy" or "FILE:LINE". */
static int add_rule(struct sv_policy *policy, const char *where, const char *text, size_t length)
{
	int shown = length < SHOWN ? (int)length : SHOWN;
	const struct sv_rule *other;
	struct sv_rule_error error;
	struct sv_rule rule;

	if (sv_rule_parse(text, length, &rule, &error) != SV_OK)
		return cli_fail(CLI_USAGE, where,
				"\"%.*s\": column %zu: %s; salvage-run(1) shows how rules are written", shown,
				text, error.column, error.why);
	if (policy->count == policy->capacity) {
		size_t capacity = policy->capacity ? 2 * policy->capacity : 16;
		struct sv_rule *rules = reallocarray(policy->rules, capacity, sizeof(*rules));

		if (!rules)
			return cli_fail(CLI_INTERNAL, where, "no memory for %zu rules", capacity);
		policy->rules = rules;
		policy->capacity = capacity;
	}
	switch (sv_policy_add(policy, &rule, &other)) {
	case SV_OK:
		return 0;
	case SV_OVERLAP:
		return cli_fail(CLI_USAGE, where,
				"\"%.*s\": column 1: contradicts the rule \"%s\"; keep one of them", shown,
				text, other->text);
	default:
		return cli_fail(CLI_INTERNAL, where, "\"%.*s\": the rule cannot be added", shown, text);
	}
}

/* A line without its comment and the white space around it. */
static size_t trim(const char **line, size_t length)
{
	const char *comment = memchr(*line, '#', length);

	if (comment)
		length = (size_t)(comment - *line);
	while (length && strchr(" \t\r\n", (*line)[length - 1]))
		length--;
	for (; length && strchr(" \t", **line); length--)
		++*line;
	return length;
}

static int add_file(struct sv_policy *policy, const char *path)
{
	FILE *file = fopen(path, "re");
	char *line = NULL, *where = NULL;
	size_t room = 0, number = 0;
	ssize_t length;
	int status = 0;

	if (!file)
		return cli_fail(CLI_USAGE, "--policy", "%s: %s", path, strerror(errno));
	errno = 0;
	while (!status && (length = getline(&line, &room, file)) >= 0) {
		const char *text = line;
		size_t left = trim(&text, (size_t)length);

		number++;
		if (!left)
			continue;
		if (asprintf(&where, "%s:%zu", path, number) < 0)
			where = NULL;
		status = add_rule(policy, where ? where : path, text, left);
		free(where);
	}
	if (!status && !feof(file))
		status = cli_fail(CLI_USAGE, "--policy", "%s: %s", path, strerror(errno));
	free(line);
	fclose(file);
	return status;
}

int run_policy_add(struct sv_policy *policy, const char *argument)
{
	if (*argument == '@')
		return add_file(policy, argument + 1);
	return add_rule(policy, "--policy", argument, strlen(argument));
}
