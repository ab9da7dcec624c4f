/* SPDX-License-Identifier: BSD-2-Clause */
/* Policy rules: each line as a rule, all of them as a policy that is asked, the input as a file of rules. */
#include <stdlib.h>
#include <string.h>

#include <salvage/policy.h>

#include "abort/policy.h"
#include "cli/cli.h"
#include "cli/run.h"

#include "fuzz.h"

#define RULES   12
#define PATTERN 0xa5

static void same_rule(const struct sv_rule *a, const struct sv_rule *b)
{
	claim(a->selector == b->selector && a->cause == b->cause && a->iclass == b->iclass &&
	      a->action == b->action && a->threshold == b->threshold && a->first == b->first &&
	      a->last == b->last && !strcmp(a->text, b->text));
}

/* One rule. False if it is none. */
static bool parse(const char *text, size_t length, struct sv_rule *rule)
{
	struct sv_rule_error error = {0};
	struct sv_rule before, again;

	memset(rule, PATTERN, sizeof(*rule));
	before = *rule;
	if (sv_rule_parse(text, length, rule, &error)) {
		claim(error.why && error.column >= 1 && error.column <= length + 1);
		claim(!memcmp(rule, &before, sizeof(before)));
		return false;
	}
	claim(rule->selector <= SV_SELECT_CLASS && rule->action < SV_ACTION_COUNT &&
	      rule->cause < SV_CAUSE_COUNT && rule->iclass < SV_CLASS_COUNT && rule->first <= rule->last);
	claim(memchr(rule->text, 0, sizeof(rule->text)) && strlen(rule->text));
	claim(rule->selector != SV_SELECT_CAUSE || sv_action_possible(rule->cause, rule->action));
	claim(!rule->threshold || (rule->cause == SV_CAUSE_SEA && rule->action >= SV_ACTION_STOP));
	/* What is kept of it says the same. */
	claim(sv_rule_parse(rule->text, strlen(rule->text), &again, &error) == SV_OK);
	same_rule(rule, &again);
	return true;
}

static bool applies(const struct sv_rule *rule, enum sv_cause cause, enum sv_class iclass, uint64_t ipa)
{
	if (rule->threshold || ipa < rule->first || ipa > rule->last ||
	    !sv_action_possible(cause, rule->action))
		return false;
	/* Only a rule about holes makes a device of one. */
	if (rule->action == SV_ACTION_EMULATE && cause == SV_CAUSE_HOLE && rule->selector != SV_SELECT_CAUSE)
		return false;
	return rule->selector == SV_SELECT_ALL ||
	       (rule->selector == SV_SELECT_CAUSE && rule->cause == cause) ||
	       (rule->selector == SV_SELECT_CLASS && rule->iclass == (unsigned)iclass);
}

/* The narrower range, then the class before the cause before neither. */
static bool precedes(const struct sv_rule *a, const struct sv_rule *b)
{
	static const uint8_t order[] = {[SV_SELECT_ALL] = 0, [SV_SELECT_CAUSE] = 1, [SV_SELECT_CLASS] = 2};

	if (a->last - a->first != b->last - b->first)
		return a->last - a->first < b->last - b->first;
	return order[a->selector] > order[b->selector];
}

static void ask(const struct sv_policy *policy, enum sv_cause cause, enum sv_class iclass, uint64_t ipa)
{
	const struct sv_rule *best = NULL, *found = sv_policy_find(policy, cause, iclass, ipa);

	claim(found && found->action < SV_ACTION_COUNT && sv_action_possible(cause, found->action));
	for (size_t i = 0; i < policy->count; i++)
		if (applies(&policy->rules[i], cause, iclass, ipa) &&
		    (!best || precedes(&policy->rules[i], best)))
			best = &policy->rules[i];
	/* Nobody could say which of two holds. */
	for (size_t i = 0; best && i < policy->count; i++)
		claim(!applies(&policy->rules[i], cause, iclass, ipa) ||
		      policy->rules[i].action == best->action || precedes(best, &policy->rules[i]));
	if (!best)
		claim(found < policy->rules || found >= policy->rules + policy->count);
	else
		claim(found->action == best->action && !precedes(best, found) &&
		      applies(found, cause, iclass, ipa));
}

static void as_policy(const char *text, size_t size)
{
	struct sv_rule rules[RULES], rule;
	struct sv_policy policy = {.rules = rules, .capacity = RULES};
	const char *end = text + size, *line = text;

	while (line < end) {
		const char *next = memchr(line, '\n', (size_t)(end - line));
		size_t length = (size_t)((next ? next : end) - line), before = policy.count;
		const struct sv_rule *other = NULL;
		enum sv_status status;

		if (parse(line, length, &rule)) {
			status = sv_policy_add(&policy, &rule, &other);
			claim(status == SV_OK || status == SV_OVERLAP || status == SV_NO_ROOM);
			claim(policy.count <= RULES && policy.count - before <= 1);
			claim(status == SV_OK || policy.count == before);
			claim(status != SV_NO_ROOM || policy.count == RULES);
			claim(status != SV_OVERLAP || (other >= rules && other < rules + policy.count));
		}
		line += length + 1;
	}
	for (size_t i = 0; i < policy.count; i++)
		for (unsigned cause = 0; cause < SV_CAUSE_COUNT; cause++) {
			uint64_t ipa = i & 1 ? rules[i].first : rules[i].last;

			ask(&policy, cause, rules[i].iclass, ipa);
			ask(&policy, cause, SV_CLASS_COUNT, ipa + (cause & 1));
		}
}

static void as_file(const uint8_t *data, size_t size)
{
	struct sv_policy policy = {0};
	char argument[80] = "@";
	struct fuzz_stream said;
	int status;

	fuzz_streams_begin();
	strcat(argument, fuzz_file(data, size));
	status = run_policy_add(&policy, argument);
	said = fuzz_complained();
	claim(status == 0 || status == CLI_USAGE);
	/* One line, or none. */
	claim(said.ended && said.lines == (status != 0));
	claim(policy.count <= policy.capacity);
	free(policy.rules);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	as_policy((const char *)data, size);
	if (size % 8 == 0)
		as_file(data, size);
	return 0;
}
