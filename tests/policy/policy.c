/* SPDX-License-Identifier: BSD-2-Clause */
#include <salvage/policy.h>

#include "support/check.h"

#define ALL 0, UINT64_MAX

static struct sv_rule parsed(const char *text)
{
	struct sv_rule_error error;
	struct sv_rule rule;

	if (sv_rule_parse(text, strlen(text), &rule, &error))
		fail_msg("%s: column %zu: %s", text, error.column, error.why);
	return rule;
}

static void parses(void **state)
{
	static const struct {
		const char *text;
		enum sv_selector selector;
		int cause_or_class;
		enum sv_action action;
		uint32_t threshold;
		uint64_t first, last;
	} cases[] = {
		{"hole=stop", SV_SELECT_CAUSE, SV_CAUSE_HOLE, SV_ACTION_STOP, 0, ALL},
		{"nisv@0x0a000000-0x0a000fff=inject", SV_SELECT_CAUSE, SV_CAUSE_NISV, SV_ACTION_INJECT, 0,
		 0xa000000, 0xa000fff},
		{"nisv@0xABCDEF=ignore", SV_SELECT_CAUSE, SV_CAUSE_NISV, SV_ACTION_IGNORE, 0, 0xabcdef,
		 0xabcdef},
		{"hole@4096-8191=emulate", SV_SELECT_CAUSE, SV_CAUSE_HOLE, SV_ACTION_EMULATE, 0, 4096, 8191},
		{"hole@0-0xffffffffffffffff=dump", SV_SELECT_CAUSE, SV_CAUSE_HOLE, SV_ACTION_DUMP, 0, ALL},
		{"hole@0-18446744073709551615=dump", SV_SELECT_CAUSE, SV_CAUSE_HOLE, SV_ACTION_DUMP, 0, ALL},
		{"exclusive=emulate", SV_SELECT_CAUSE, SV_CAUSE_EXCLUSIVE, SV_ACTION_EMULATE, 0, ALL},
		{"class:pair=inject", SV_SELECT_CLASS, SV_CLASS_PAIR, SV_ACTION_INJECT, 0, ALL},
		{"class:writeback@0x1000=stop", SV_SELECT_CLASS, SV_CLASS_WRITEBACK, SV_ACTION_STOP, 0,
		 0x1000, 0x1000},
		{"sea:2=restart", SV_SELECT_CAUSE, SV_CAUSE_SEA, SV_ACTION_RESTART, 2, ALL},
		{"sea:3=dump", SV_SELECT_CAUSE, SV_CAUSE_SEA, SV_ACTION_DUMP, 3, ALL},
		{"sea:4294967295=stop", SV_SELECT_CAUSE, SV_CAUSE_SEA, SV_ACTION_STOP, UINT32_MAX, ALL},
		/* The longest that is kept: 79 characters. */
		{"hole@0x0000000000000000000000000000000000000000000000000000000000000001000=stop",
		 SV_SELECT_CAUSE, SV_CAUSE_HOLE, SV_ACTION_STOP, 0, 0x1000, 0x1000},
		{"sea=inject", SV_SELECT_CAUSE, SV_CAUSE_SEA, SV_ACTION_INJECT, 0, ALL},
		{"observe", SV_SELECT_ALL, 0, SV_ACTION_OBSERVE, 0, ALL},
		{"stop@0x1000-0x1fff", SV_SELECT_ALL, 0, SV_ACTION_STOP, 0, 0x1000, 0x1fff},
		{"  \tunsupported=dump\r\n", SV_SELECT_CAUSE, SV_CAUSE_UNSUPPORTED, SV_ACTION_DUMP, 0, ALL},
	};

	for (size_t i = 0; i < COUNT(cases); i++) {
		struct sv_rule rule = parsed(cases[i].text);

		check(cases[i].text, rule.selector == cases[i].selector);
		check(cases[i].text, rule.action == cases[i].action);
		check(cases[i].text, rule.threshold == cases[i].threshold);
		check(cases[i].text, rule.first == cases[i].first && rule.last == cases[i].last);
		if (rule.selector == SV_SELECT_CAUSE)
			check(cases[i].text, rule.cause == cases[i].cause_or_class);
		if (rule.selector == SV_SELECT_CLASS)
			check(cases[i].text, rule.iclass == cases[i].cause_or_class);
	}
	assert_string_equal(parsed(" hole=stop ").text, "hole=stop");
}

static void refuses(void **state)
{
	static const struct {
		const char *text;
		size_t column;
		const char *why;
	} cases[] = {
		{"", 1, "empty"},
		{"   ", 1, "empty"},
		{"hloe=stop", 1, "no such cause"},
		{"HOLE=stop", 1, "no such cause"},
		{"hole", 5, "expected '='"},
		{"hole=", 6, "no such action"},
		{"hole=stopp", 6, "no such action"},
		{"hole=stop now", 10, "unexpected text"},
		{"hole=stop,nisv=stop", 10, "unexpected text"},
		{"hole@=stop", 6, "expected an address"},
		{"hole@0x=stop", 6, "expected an address"},
		{"hole@-1=stop", 6, "expected an address"},
		{"hole@0x1000-=stop", 13, "last address"},
		{"hole@0x2000-0x1000=stop", 6, "ends before"},
		{"hole@0x10000000000000000=stop", 6, "expected an address"},
		{"hole@18446744073709551616=stop", 6, "expected an address"},
		{"hole@0x1000 =stop", 12, "expected '='"},
		{"class=stop", 6, "expected ':'"},
		{"class:=stop", 7, "no such class"},
		{"class:pears=stop", 7, "no such class"},
		{"hole:2=stop", 5, "only \"sea\""},
		{"sea:=restart", 5, "number of pages"},
		{"sea:0=restart", 5, "number of pages"},
		{"sea:4294967296=restart", 5, "number of pages"},
		{"sea:2@0x1000=restart", 7, "no address range"},
		{"sea:2=inject", 7, "leads to stop"},
		{"undecodable=emulate", 13, "not possible"},
		{"mismatch=ignore", 10, "not possible"},
		{"unsupported=emulate", 13, "not possible"},
		{"untranslatable=emulate", 16, "not possible"},
		{"sea=emulate", 5, "not possible"},
		{"poison=emulate", 8, "not possible"},
		{"poison=ignore", 8, "not possible"},
		{"hole@0x00000000000000000000000000000000000000000000000000000000000000001000=stop", 1,
		 "too long"},
		{"stop=hole", 5, "unexpected text"},
		{"hole@0x1000-0x1fff-0x2fff=stop", 19, "expected '='"},
		{"a very long rule that does not fit in the text that is kept of it for events and messages=stop",
		 1, "too long"},
	};

	for (size_t i = 0; i < COUNT(cases); i++) {
		struct sv_rule rule = {.action = 77};
		struct sv_rule_error error = {0};

		check(cases[i].text,
		      sv_rule_parse(cases[i].text, strlen(cases[i].text), &rule, &error) == SV_MALFORMED);
		if (error.column != cases[i].column || !strstr(error.why, cases[i].why))
			fail_msg("%s: column %zu: %s", cases[i].text, error.column, error.why);
		check(cases[i].text, rule.action == 77);
	}
}

/*
 * No byte string may crash or be read beyond its end (the sanitizers watch), and what parses says its own
 * text.
 */
static void survives_noise(void **state)
{
	static const char alphabet[] = "holenisvclassseapair:=@-0x19f stop\n\xff";
	uint64_t seed = 3;
	unsigned accepted = 0;

	for (unsigned i = 0; i < 200000; i++) {
		char *text;
		size_t length = random_next(&seed) % 24;
		struct sv_rule rule;
		struct sv_rule_error error;

		text = test_malloc(length ? length : 1);
		for (size_t j = 0; j < length; j++)
			text[j] = alphabet[random_next(&seed) % (sizeof(alphabet) - 1)];
		/* Half of them start from a rule that is good but for one byte. */
		if (i % 2 && length >= 9) {
			memcpy(text, "hole=stop", 9);
			text[random_next(&seed) % length] =
				alphabet[random_next(&seed) % (sizeof(alphabet) - 1)];
		}
		if (sv_rule_parse(text, length, &rule, &error))
			assert_in_range(error.column, 1, length + 1);
		else
			accepted++;
		test_free(text);
	}
	assert_in_range(accepted, 100, 199999);
}

static void decides(void **state)
{
	static const struct {
		const char *rules[4];
		enum sv_cause cause;
		enum sv_class iclass;
		uint64_t ipa;
		const char *decider;
	} cases[] = {
		{{NULL}, SV_CAUSE_NISV, SV_CLASS_PAIR, 0, "default nisv=emulate"},
		{{NULL}, SV_CAUSE_HOLE, SV_CLASS_COUNT, 0, "default hole=inject"},
		{{NULL}, SV_CAUSE_SEA, SV_CLASS_COUNT, 0, "default sea=inject"},
		{{"nisv=stop"}, SV_CAUSE_NISV, SV_CLASS_PAIR, 0, "nisv=stop"},
		{{"nisv=stop"}, SV_CAUSE_HOLE, SV_CLASS_PAIR, 0, "default hole=inject"},
		/* Narrower before wider, in any order. */
		{{"hole@0x1000-0x1fff=stop", "hole@0x1800-0x18ff=ignore", "hole=dump"},
		 SV_CAUSE_HOLE,
		 SV_CLASS_PAIR,
		 0x1880,
		 "hole@0x1800-0x18ff=ignore"},
		{{"hole=dump", "hole@0x1800-0x18ff=ignore", "hole@0x1000-0x1fff=stop"},
		 SV_CAUSE_HOLE,
		 SV_CLASS_PAIR,
		 0x1900,
		 "hole@0x1000-0x1fff=stop"},
		{{"hole=dump", "hole@0x1800-0x18ff=ignore"},
		 SV_CAUSE_HOLE,
		 SV_CLASS_PAIR,
		 0x1900,
		 "hole=dump"},
		{{"hole@0x1800-0x18ff=ignore"}, SV_CAUSE_HOLE, SV_CLASS_PAIR, 0x17ff, "default hole=inject"},
		{{"hole@0x1800-0x18ff=ignore"},
		 SV_CAUSE_HOLE,
		 SV_CLASS_PAIR,
		 0x18ff,
		 "hole@0x1800-0x18ff=ignore"},
		/* A class before a cause before everything; a range before all of them. */
		{{"nisv=stop", "class:pair=inject", "observe"},
		 SV_CAUSE_NISV,
		 SV_CLASS_PAIR,
		 0,
		 "class:pair=inject"},
		{{"nisv=stop", "class:pair=inject", "observe"},
		 SV_CAUSE_NISV,
		 SV_CLASS_WRITEBACK,
		 0,
		 "nisv=stop"},
		{{"nisv=stop", "class:pair=inject", "observe"},
		 SV_CAUSE_NISV,
		 SV_CLASS_COUNT,
		 0,
		 "nisv=stop"},
		{{"nisv=stop", "class:pair=inject", "observe"},
		 SV_CAUSE_MISMATCH,
		 SV_CLASS_SINGLE,
		 0,
		 "observe"},
		{{"class:pair=inject", "observe@0x1000-0x1fff"},
		 SV_CAUSE_NISV,
		 SV_CLASS_PAIR,
		 0x1000,
		 "observe@0x1000-0x1fff"},
		/* What a bare action cannot mean is left to the defaults. */
		{{"ignore"}, SV_CAUSE_UNDECODABLE, SV_CLASS_COUNT, 0, "default undecodable=inject"},
		{{"ignore"}, SV_CAUSE_HOLE, SV_CLASS_PAIR, 0, "ignore"},
		{{"emulate"}, SV_CAUSE_HOLE, SV_CLASS_PAIR, 0, "default hole=inject"},
		{{"class:pair=emulate"}, SV_CAUSE_HOLE, SV_CLASS_PAIR, 0, "default hole=inject"},
		{{"hole=emulate"}, SV_CAUSE_HOLE, SV_CLASS_PAIR, 0, "hole=emulate"},
		/* A threshold is no answer to one abort. */
		{{"sea:2=restart"}, SV_CAUSE_SEA, SV_CLASS_COUNT, 0, "default sea=inject"},
	};

	for (size_t i = 0; i < COUNT(cases); i++) {
		struct sv_rule rules[4];
		struct sv_policy policy = {.rules = rules, .capacity = COUNT(rules)};
		const struct sv_rule *decider;

		for (size_t j = 0; j < COUNT(cases[i].rules) && cases[i].rules[j]; j++) {
			struct sv_rule rule = parsed(cases[i].rules[j]);

			assert_int_equal(sv_policy_add(&policy, &rule, NULL), SV_OK);
		}
		decider = sv_policy_find(&policy, cases[i].cause, cases[i].iclass, cases[i].ipa);
		if (strcmp(decider->text, cases[i].decider))
			fail_msg("case %zu: %s decides, not %s", i, decider->text, cases[i].decider);
	}
	assert_string_equal(sv_policy_find(NULL, SV_CAUSE_ATOMIC, SV_CLASS_COUNT, 0)->text,
			    "default atomic=emulate");
}

static void contradictions(void **state)
{
	static const struct {
		const char *first, *second;
		enum sv_status status;
		size_t count;
	} cases[] = {
		{"hole=stop", "hole=dump", SV_OVERLAP, 1},
		{"hole=stop", "hole=stop", SV_OK, 1},
		{"hole=stop", "nisv=dump", SV_OK, 2},
		{"stop", "dump", SV_OVERLAP, 1},
		{"stop", "hole=dump", SV_OK, 2},
		{"class:pair=stop", "class:pair=inject", SV_OVERLAP, 1},
		{"class:pair=stop", "class:single=inject", SV_OK, 2},
		{"class:pair=stop", "nisv=inject", SV_OK, 2},
		{"hole@0x1000-0x1fff=stop", "hole@0x1800-0x27ff=dump", SV_OVERLAP, 1},
		{"hole@0x1000-0x1fff=stop", "hole@0x2000-0x2fff=dump", SV_OK, 2},
		{"hole@0x1000-0x1fff=stop", "hole@0x1000-0x10ff=dump", SV_OK, 2},
		{"sea:2=stop", "sea:2=restart", SV_OVERLAP, 1},
		{"sea:2=stop", "sea:3=restart", SV_OK, 2},
		{"sea:2=stop", "sea=inject", SV_OK, 2},
	};

	for (size_t i = 0; i < COUNT(cases); i++) {
		struct sv_rule rules[4], first = parsed(cases[i].first), second = parsed(cases[i].second);
		struct sv_policy policy = {.rules = rules, .capacity = COUNT(rules)};
		const struct sv_rule *other = NULL;

		assert_int_equal(sv_policy_add(&policy, &first, &other), SV_OK);
		check(cases[i].second, sv_policy_add(&policy, &second, &other) == cases[i].status);
		check(cases[i].second, policy.count == cases[i].count);
		if (cases[i].status == SV_OVERLAP)
			assert_string_equal(other->text, cases[i].first);
	}
}

static void is_full(void **state)
{
	struct sv_rule rules[1], first = parsed("hole=stop"), second = parsed("nisv=stop");
	struct sv_policy policy = {.rules = rules, .capacity = 1};

	assert_int_equal(sv_policy_add(&policy, &first, NULL), SV_OK);
	assert_int_equal(sv_policy_add(&policy, &second, NULL), SV_NO_ROOM);
	assert_int_equal(policy.count, 1);
}

/* Rules that an embedder fills in by hand are held to what can be written. */
static void made_by_hand(void **state)
{
	static const struct sv_rule malformed[] = {
		{.selector = SV_SELECT_CAUSE,
		 .cause = SV_CAUSE_UNSUPPORTED,
		 .action = SV_ACTION_EMULATE,
		 .last = 9},
		{.selector = SV_SELECT_CAUSE, .cause = SV_CAUSE_COUNT, .action = SV_ACTION_STOP, .last = 9},
		{.selector = SV_SELECT_CLASS, .iclass = SV_CLASS_COUNT, .action = SV_ACTION_STOP, .last = 9},
		{.selector = SV_SELECT_ALL, .action = SV_ACTION_COUNT, .last = 9},
		{.selector = SV_SELECT_ALL, .action = SV_ACTION_STOP, .first = 10, .last = 9},
		{.selector = SV_SELECT_CLASS + 1, .action = SV_ACTION_STOP, .last = 9},
	};
	struct sv_rule rules[1];
	struct sv_policy policy = {.rules = rules, .capacity = 1};

	for (size_t i = 0; i < COUNT(malformed); i++)
		assert_int_equal(sv_policy_add(&policy, &malformed[i], NULL), SV_MALFORMED);
	assert_int_equal(policy.count, 0);
}

static void thresholds(void **state)
{
	struct sv_rule rules[3], two = parsed("sea:2=stop"), five = parsed("sea:5=restart"),
				 sea = parsed("sea=inject");
	struct sv_policy policy = {.rules = rules, .capacity = 3};

	sv_policy_add(&policy, &five, NULL);
	sv_policy_add(&policy, &sea, NULL);
	sv_policy_add(&policy, &two, NULL);
	assert_null(sv_policy_threshold(&policy, SV_CAUSE_SEA, 1));
	assert_null(sv_policy_threshold(NULL, SV_CAUSE_SEA, 9));
	assert_null(sv_policy_threshold(&policy, SV_CAUSE_POISON, 9));
	assert_string_equal(sv_policy_threshold(&policy, SV_CAUSE_SEA, 4)->text, "sea:2=stop");
	assert_string_equal(sv_policy_threshold(&policy, SV_CAUSE_SEA, 5)->text, "sea:5=restart");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(parses),         cmocka_unit_test(refuses),
		cmocka_unit_test(survives_noise), cmocka_unit_test(decides),
		cmocka_unit_test(contradictions), cmocka_unit_test(is_full),
		cmocka_unit_test(thresholds),     cmocka_unit_test(made_by_hand),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
