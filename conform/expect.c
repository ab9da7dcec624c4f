/* SPDX-License-Identifier: BSD-2-Clause */
#include <stdio.h>
#include <string.h>

#include "expect.h"

/* A line of the expected text. */
struct wanted {
	const char *text, *family, *member; /* within the text; family: NULL if there is none */
	size_t text_length, family_length, member_length;
	const char *next; /* NULL: this is behind the last one */
};

static struct wanted read_line(const char *at)
{
	struct wanted line = {.text = at, .text_length = strcspn(at, "\n")};
	const char *equals, *end;

	if (!*at)
		return line;
	line.next = at + line.text_length + (at[line.text_length] == '\n');
	if (*at != '[')
		return line;
	equals = memchr(at, '=', line.text_length);
	end = memchr(at, ']', line.text_length);
	if (!equals || !end || equals > end)
		return line;
	line.family = at + 1;
	line.family_length = (size_t)(equals - line.family);
	line.member = equals + 1;
	line.member_length = (size_t)(end - line.member);
	line.text = end + 1 + (end[1] == ' ');
	line.text_length -= (size_t)(line.text - at);
	return line;
}

static bool same(const char *a, size_t a_length, const char *b, size_t b_length)
{
	return a_length == b_length && !memcmp(a, b, a_length);
}

static bool same_family(const struct wanted *a, const struct wanted *b)
{
	return b->family && same(a->family, a->family_length, b->family, b->family_length);
}

static bool same_member(const struct wanted *a, const struct wanted *b)
{
	return same_family(a, b) && same(a->member, a->member_length, b->member, b->member_length);
}

const char *conform_chosen(const struct conform_choices *choices, const char *family)
{
	for (size_t i = 0; i < choices->count; i++)
		if (!strcmp(choices->at[i].family, family))
			return choices->at[i].member;
	return NULL;
}

/* False: another member was met before, or there are too many. */
static bool choose(struct conform_choices *choices, const struct wanted *line)
{
	char family[CONFORM_WORD], member[CONFORM_WORD];
	const char *before;

	if (line->family_length >= CONFORM_WORD || line->member_length >= CONFORM_WORD)
		return false;
	snprintf(family, sizeof(family), "%.*s", (int)line->family_length, line->family);
	snprintf(member, sizeof(member), "%.*s", (int)line->member_length, line->member);
	before = conform_chosen(choices, family);
	if (before)
		return !strcmp(before, member);
	if (choices->count >= CONFORM_FAMILIES)
		return false;
	memcpy(choices->at[choices->count].family, family, sizeof(family));
	memcpy(choices->at[choices->count++].member, member, sizeof(member));
	return true;
}

struct match {
	char *const *lines;
	size_t count;
	struct conform_mismatch *mismatch;
};

static bool mismatched(const struct match *match, size_t index, const struct wanted *line)
{
	/* The first of the attempts that got farthest. */
	if (match->mismatch->wanted[0] && index <= match->mismatch->line)
		return false;
	match->mismatch->line = index;
	snprintf(match->mismatch->wanted, sizeof(match->mismatch->wanted), "%.*s", (int)line->text_length,
		 line->text);
	return false;
}

static bool is_line(const struct match *match, size_t index, const struct wanted *line)
{
	return index < match->count &&
	       same(line->text, line->text_length, match->lines[index], strlen(match->lines[index]));
}

static bool match_from(const struct match *match, const char *expected, size_t index,
		       struct conform_choices *choices);

/* One member of the family that begins here, and what is behind the family. */
static bool match_member(const struct match *match, const struct wanted *member, const char *behind,
			 size_t index, struct conform_choices *choices)
{
	struct conform_choices attempt = *choices;

	if (!choose(&attempt, member))
		return false;
	for (struct wanted line = *member; same_member(member, &line); line = read_line(line.next)) {
		if (line.text_length && !is_line(match, index, &line))
			return mismatched(match, index, &line);
		index += line.text_length > 0;
	}
	if (!match_from(match, behind, index, &attempt))
		return false;
	*choices = attempt;
	return true;
}

static bool match_family(const struct match *match, const struct wanted *first, const char *expected,
			 size_t index, struct conform_choices *choices)
{
	struct wanted line = *first, before = {0};
	const char *behind = expected;

	while (same_family(first, &line)) {
		behind = line.next;
		line = read_line(behind);
	}
	for (line = *first; same_family(first, &line); line = read_line(line.next)) {
		if ((!before.next || !same_member(&before, &line)) &&
		    match_member(match, &line, behind, index, choices))
			return true;
		before = line;
	}
	return false;
}

static bool match_from(const struct match *match, const char *expected, size_t index,
		       struct conform_choices *choices)
{
	struct wanted line = read_line(expected);

	while (line.next && !line.family && is_line(match, index, &line)) {
		index++;
		expected = line.next;
		line = read_line(expected);
	}
	if (line.family)
		return match_family(match, &line, expected, index, choices);
	if (!line.next && index == match->count)
		return true;
	return mismatched(match, index, &line);
}

bool conform_expect(const char *expected, char *const *lines, size_t count, struct conform_choices *choices,
		    struct conform_mismatch *mismatch)
{
	struct match match = {.lines = lines, .count = count, .mismatch = mismatch};

	*mismatch = (struct conform_mismatch){0};
	return match_from(&match, expected, 0, choices);
}
