/* SPDX-License-Identifier: BSD-2-Clause */
/* Two machines' transcripts, line by line. */
#include <string.h>

#include "suite.h"

static const struct conform_outcome *find(const struct conform_results *results, const char *name)
{
	for (size_t i = 0; i < results->count; i++)
		if (!strcmp(results->outcomes[i].name, name))
			return &results->outcomes[i];
	return NULL;
}

static const char *line(const struct conform_outcome *outcome, size_t index)
{
	return index < outcome->count ? outcome->lines[index] : NULL;
}

static bool alike(const struct conform_outcome *a, const struct conform_outcome *b)
{
	for (size_t i = 0; i < a->count && i < b->count; i++)
		if (strcmp(a->lines[i], b->lines[i]))
			return false;
	return a->count == b->count;
}

static bool allowed(const struct conform_outcome *outcome, struct conform_choices *choices)
{
	struct conform_mismatch mismatch;
	const struct conform_case *row;

	for (size_t i = 0; (row = conform_case(i)); i++)
		if (!strcmp(row->name, outcome->name))
			return conform_expect(row->expected, outcome->lines, outcome->count, choices,
					      &mismatch);
	return false;
}

/* The families by which both are right. */
static void say_families(const struct conform_choices *ours, const struct conform_choices *theirs, FILE *out)
{
	for (size_t i = 0; i < ours->count; i++) {
		const char *other = conform_chosen(theirs, ours->at[i].family);

		if (!other || strcmp(other, ours->at[i].member))
			fprintf(out, " %s=%s/%s", ours->at[i].family, ours->at[i].member,
				other ? other : "-");
	}
}

static void say_lines(const struct conform_outcome *ours, const struct conform_outcome *theirs, FILE *out)
{
	for (size_t i = 0; i < ours->count || i < theirs->count; i++) {
		const char *a = line(ours, i), *b = line(theirs, i);

		if (a && b && !strcmp(a, b))
			continue;
		if (a)
			fprintf(out, "#   %zu here:  %s\n", i + 1, a);
		if (b)
			fprintf(out, "#   %zu there: %s\n", i + 1, b);
	}
}

struct conform_comparison conform_compare(const struct conform_results *ours,
					  const struct conform_results *theirs, FILE *out)
{
	struct conform_comparison result = {0};

	for (size_t i = 0; i < ours->count; i++) {
		const struct conform_outcome *a = &ours->outcomes[i], *b = find(theirs, a->name);
		struct conform_choices here = {0}, there = {0};

		if (!b || a->verdict == CONFORM_SKIPPED || b->verdict == CONFORM_SKIPPED) {
			result.alone += !(b && a->verdict == b->verdict);
			if (b && a->verdict != b->verdict)
				fprintf(out, "# compare: %s: skipped %s: %s\n", a->name,
					a->verdict == CONFORM_SKIPPED ? "here" : "there",
					a->verdict == CONFORM_SKIPPED ? a->reason : b->reason);
			continue;
		}
		if (alike(a, b)) {
			result.alike++;
			continue;
		}
		if (allowed(a, &here) && allowed(b, &there)) {
			result.explained++;
			fprintf(out, "# compare: %s: explained:", a->name);
			say_families(&here, &there, out);
			fputc('\n', out);
		} else {
			result.different++;
			fprintf(out, "# compare: %s: differs\n", a->name);
		}
		say_lines(a, b, out);
	}
	return result;
}
