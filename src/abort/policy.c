/* SPDX-License-Identifier: BSD-2-Clause */
#include <string.h>

#include <salvage/policy.h>

#include "../name.h"
#include "policy.h"

#define BIT(action) (1u << SV_ACTION_##action)
#define ALWAYS      (BIT(INJECT) | BIT(OBSERVE) | BIT(STOP) | BIT(RESTART) | BIT(DUMP))
#define PERFORM     (ALWAYS | BIT(EMULATE) | BIT(IGNORE))

/*
 * Emulating and ignoring (which moves the PC and writes back) take an instruction that is decoded,
 * translated and supported; without one they would be guesses.
 */
static const uint8_t possible[] = {
	[SV_CAUSE_NISV] = PERFORM,       [SV_CAUSE_HOLE] = PERFORM,    [SV_CAUSE_UNDECODABLE] = ALWAYS,
	[SV_CAUSE_UNSUPPORTED] = ALWAYS, [SV_CAUSE_MISMATCH] = ALWAYS, [SV_CAUSE_UNTRANSLATABLE] = ALWAYS,
	[SV_CAUSE_EXCLUSIVE] = PERFORM,  [SV_CAUSE_ATOMIC] = PERFORM,  [SV_CAUSE_LDST64B] = PERFORM,
	[SV_CAUSE_SEA] = ALWAYS,         [SV_CAUSE_POISON] = ALWAYS,
};

#define DEFAULT(name, word, act)             \
	[SV_CAUSE_##name] = {                \
		.selector = SV_SELECT_CAUSE, \
		.cause = SV_CAUSE_##name,    \
		.action = SV_ACTION_##act,   \
		.last = UINT64_MAX,          \
		.text = "default " word,     \
	}

/* Emulate where a device is known to be, inject and explain everywhere else. */
static const struct sv_rule defaults[] = {
	DEFAULT(NISV, "nisv=emulate", EMULATE),
	DEFAULT(HOLE, "hole=inject", INJECT),
	DEFAULT(UNDECODABLE, "undecodable=inject", INJECT),
	DEFAULT(UNSUPPORTED, "unsupported=inject", INJECT),
	DEFAULT(MISMATCH, "mismatch=inject", INJECT),
	DEFAULT(UNTRANSLATABLE, "untranslatable=inject", INJECT),
	DEFAULT(EXCLUSIVE, "exclusive=inject", INJECT),
	DEFAULT(ATOMIC, "atomic=emulate", EMULATE),
	DEFAULT(LDST64B, "ldst64b=emulate", EMULATE),
	DEFAULT(SEA, "sea=inject", INJECT),
	DEFAULT(POISON, "poison=inject", INJECT),
};

bool sv_action_possible(enum sv_cause cause, enum sv_action action)
{
	return cause < COUNT(possible) && possible[cause] >> action & 1;
}

static bool ranges_equal(const struct sv_rule *a, const struct sv_rule *b)
{
	return a->first == b->first && a->last == b->last;
}

/* Width minus one, so that the whole space has a number too. */
static uint64_t width(const struct sv_rule *rule)
{
	return rule->last - rule->first;
}

/* Two rules of one precision, one address, two answers: nobody could say which holds. */
static bool contradict(const struct sv_rule *a, const struct sv_rule *b)
{
	if (a->selector != b->selector || a->threshold != b->threshold || a->action == b->action)
		return false;
	if ((a->selector == SV_SELECT_CAUSE && a->cause != b->cause) ||
	    (a->selector == SV_SELECT_CLASS && a->iclass != b->iclass))
		return false;
	return width(a) == width(b) && a->first <= b->last && b->first <= a->last;
}

static bool identical(const struct sv_rule *a, const struct sv_rule *b)
{
	return a->selector == b->selector && a->cause == b->cause && a->iclass == b->iclass &&
	       a->threshold == b->threshold && a->action == b->action && ranges_equal(a, b);
}

enum sv_status sv_policy_add(struct sv_policy *policy, const struct sv_rule *rule,
			     const struct sv_rule **other)
{
	if (rule->selector > SV_SELECT_CLASS || rule->action >= SV_ACTION_COUNT || rule->last < rule->first ||
	    (rule->selector == SV_SELECT_CAUSE && !sv_action_possible(rule->cause, rule->action)) ||
	    (rule->selector == SV_SELECT_CLASS && rule->iclass >= SV_CLASS_COUNT))
		return SV_MALFORMED;
	for (size_t i = 0; i < policy->count; i++) {
		if (identical(&policy->rules[i], rule))
			return SV_OK;
		if (contradict(&policy->rules[i], rule)) {
			if (other)
				*other = &policy->rules[i];
			return SV_OVERLAP;
		}
	}
	if (policy->count >= policy->capacity)
		return SV_NO_ROOM;
	policy->rules[policy->count++] = *rule;
	return SV_OK;
}

static bool applies(const struct sv_rule *rule, enum sv_cause cause, enum sv_class iclass, uint64_t first,
		    uint64_t last)
{
	if (rule->threshold || last < rule->first || first > rule->last)
		return false;
	if (rule->selector == SV_SELECT_CAUSE)
		return rule->cause == cause;
	/* A class or a bare action speaks of every cause, so of those too for which it makes no sense. */
	if (!sv_action_possible(cause, rule->action))
		return false;
	/* "emulate" by class or for everything must not turn a hole into a device: only a hole rule can. */
	if (rule->action == SV_ACTION_EMULATE && cause == SV_CAUSE_HOLE)
		return false;
	return rule->selector == SV_SELECT_ALL || rule->iclass == iclass;
}

static bool more_specific(const struct sv_rule *a, const struct sv_rule *b)
{
	static const uint8_t precision[] = {
		[SV_SELECT_ALL] = 0, [SV_SELECT_CAUSE] = 1, [SV_SELECT_CLASS] = 2};

	if (width(a) != width(b))
		return width(a) < width(b);
	return precision[a->selector] > precision[b->selector];
}

const struct sv_rule *sv_policy_find_range(const struct sv_policy *policy, enum sv_cause cause,
					   enum sv_class iclass, uint64_t first, uint64_t last)
{
	const struct sv_rule *best = NULL;

	for (size_t i = 0; policy && i < policy->count; i++) {
		const struct sv_rule *rule = &policy->rules[i];

		if (applies(rule, cause, iclass, first, last) && (!best || more_specific(rule, best)))
			best = rule;
	}
	return best ? best : &defaults[cause];
}

const struct sv_rule *sv_policy_find(const struct sv_policy *policy, enum sv_cause cause,
				     enum sv_class iclass, uint64_t ipa)
{
	return sv_policy_find_range(policy, cause, iclass, ipa, ipa);
}

const struct sv_rule *sv_policy_threshold(const struct sv_policy *policy, enum sv_cause cause,
					  uint64_t distinct)
{
	const struct sv_rule *best = NULL;

	for (size_t i = 0; policy && i < policy->count; i++) {
		const struct sv_rule *rule = &policy->rules[i];

		if (rule->threshold && rule->cause == cause && rule->threshold <= distinct &&
		    (!best || rule->threshold > best->threshold))
			best = rule;
	}
	return best;
}
