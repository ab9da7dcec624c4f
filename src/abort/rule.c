/* SPDX-License-Identifier: BSD-2-Clause */
#include <stdbool.h>
#include <string.h>

#include <salvage/policy.h>

#include "policy.h"

/* Reads left to right; where it stops is the column of the error. */
struct scanner {
	const char *text;
	size_t length, at;
};

static bool is_space(char c)
{
	return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

static bool is_word(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
}

static bool next_is(const struct scanner *scanner, char c)
{
	return scanner->at < scanner->length && scanner->text[scanner->at] == c;
}

static bool take(struct scanner *scanner, char c)
{
	if (!next_is(scanner, c))
		return false;
	scanner->at++;
	return true;
}

static size_t word_length(const struct scanner *scanner)
{
	size_t end = scanner->at;

	while (end < scanner->length && is_word(scanner->text[end]))
		end++;
	return end - scanner->at;
}

static bool spells(const struct scanner *scanner, size_t length, const char *word)
{
	for (size_t i = 0; i < length; i++)
		if (!word[i] || word[i] != scanner->text[scanner->at + i])
			return false;
	return length && !word[length];
}

/* The index of the word at the scanner among count names, or -1; the scanner moves only on success. */
static int take_name(struct scanner *scanner, const char *(*name)(int index), int count)
{
	size_t length = word_length(scanner);

	for (int i = 0; i < count; i++) {
		if (spells(scanner, length, name(i))) {
			scanner->at += length;
			return i;
		}
	}
	return -1;
}

static const char *cause_at(int index)
{
	return sv_cause_name((enum sv_cause)index);
}

static const char *class_at(int index)
{
	return sv_class_name((enum sv_class)index);
}

static const char *action_at(int index)
{
	return sv_action_name((enum sv_action)index);
}

/* The value of a digit, or 16 for any other character. */
static unsigned digit(char c)
{
	if (c >= '0' && c <= '9')
		return (unsigned)(c - '0');
	if (c >= 'a' && c <= 'f')
		return (unsigned)(c - 'a') + 10;
	if (c >= 'A' && c <= 'F')
		return (unsigned)(c - 'A') + 10;
	return 16;
}

/* Hexadecimal with 0x, else decimal. */
static bool take_number(struct scanner *scanner, uint64_t *value)
{
	size_t at = scanner->at, begin;
	unsigned base = 10;

	if (at + 1 < scanner->length && scanner->text[at] == '0' && scanner->text[at + 1] == 'x') {
		base = 16;
		at += 2;
	}
	begin = at;
	*value = 0;
	for (; at < scanner->length; at++) {
		unsigned d = digit(scanner->text[at]);

		if (d >= base)
			break;
		if (*value > (UINT64_MAX - d) / base)
			return false;
		*value = *value * base + d;
	}
	if (at == begin)
		return false;
	scanner->at = at;
	return true;
}

/* CAUSE, class:NAME or sea:N. A NULL return is success; else why not. */
static const char *take_selector(struct scanner *scanner, struct sv_rule *rule)
{
	struct scanner ahead = *scanner;
	int index;
	uint64_t threshold;

	size_t length = word_length(scanner);

	if (spells(scanner, length, "class")) {
		scanner->at += length;
		if (!take(scanner, ':'))
			return "expected ':' and a class of instructions after \"class\"";
		index = take_name(scanner, class_at, SV_CLASS_COUNT);
		if (index < 0)
			return "no such class of instructions";
		rule->selector = SV_SELECT_CLASS;
		rule->iclass = (uint8_t)index;
		return NULL;
	}
	index = take_name(scanner, cause_at, SV_CAUSE_COUNT);
	if (index < 0) {
		*scanner = ahead;
		return "no such cause or action";
	}
	rule->selector = SV_SELECT_CAUSE;
	rule->cause = (uint8_t)index;
	if (!next_is(scanner, ':'))
		return NULL;
	if (index != SV_CAUSE_SEA)
		return "only \"sea\" takes a number of pages";
	scanner->at++;
	ahead = *scanner;
	if (!take_number(scanner, &threshold) || !threshold || threshold > UINT32_MAX) {
		*scanner = ahead;
		return "expected a number of pages from 1 to 4294967295";
	}
	rule->threshold = (uint32_t)threshold;
	return NULL;
}

static const char *take_range(struct scanner *scanner, struct sv_rule *rule)
{
	size_t begin = scanner->at;

	if (rule->threshold)
		return "a number of pages takes no address range";
	if (!take_number(scanner, &rule->first))
		return "expected an address, like 0x0a000000";
	rule->last = rule->first;
	if (take(scanner, '-') && !take_number(scanner, &rule->last))
		return "expected the last address of the range";
	if (rule->last < rule->first) {
		scanner->at = begin;
		return "the range ends before it begins";
	}
	return NULL;
}

static const char *parse(struct scanner *scanner, struct sv_rule *rule)
{
	size_t begin;
	const char *why;
	int index = take_name(scanner, action_at, SV_ACTION_COUNT);

	if (index >= 0) {
		rule->selector = SV_SELECT_ALL;
		if (take(scanner, '@') && (why = take_range(scanner, rule)))
			return why;
		rule->action = (uint8_t)index;
		return NULL;
	}
	why = take_selector(scanner, rule);
	if (why)
		return why;
	if (take(scanner, '@') && (why = take_range(scanner, rule)))
		return why;
	if (!take(scanner, '='))
		return "expected '=' and an action";
	begin = scanner->at;
	index = take_name(scanner, action_at, SV_ACTION_COUNT);
	if (index < 0)
		return "no such action: emulate, inject, ignore, observe, stop, restart or dump";
	rule->action = (uint8_t)index;
	if (rule->selector == SV_SELECT_CAUSE && !sv_action_possible(rule->cause, rule->action)) {
		scanner->at = begin;
		return "this action is not possible for this cause";
	}
	if (rule->threshold && rule->action != SV_ACTION_STOP && rule->action != SV_ACTION_RESTART &&
	    rule->action != SV_ACTION_DUMP) {
		scanner->at = begin;
		return "a number of pages leads to stop, restart or dump";
	}
	return NULL;
}

enum sv_status sv_rule_parse(const char *text, size_t length, struct sv_rule *rule,
			     struct sv_rule_error *error)
{
	struct scanner scanner = {text, length, 0};
	struct sv_rule parsed = {.last = UINT64_MAX};
	const char *why;
	size_t begin;

	while (scanner.length && is_space(text[scanner.length - 1]))
		scanner.length--;
	while (scanner.at < scanner.length && is_space(text[scanner.at]))
		scanner.at++;
	begin = scanner.at;
	if (begin == scanner.length)
		why = "empty rule";
	else if (scanner.length - begin >= SV_RULE_TEXT)
		why = "the rule is too long";
	else
		why = parse(&scanner, &parsed);
	if (!why && scanner.at < scanner.length)
		why = "unexpected text after the rule";
	if (why) {
		*error = (struct sv_rule_error){scanner.at + 1, why};
		return SV_MALFORMED;
	}
	memcpy(parsed.text, text + begin, scanner.length - begin);
	*rule = parsed;
	return SV_OK;
}
