/* SPDX-License-Identifier: BSD-2-Clause */
/* What the workers found, as docs/verification.md shows it. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "run.h"

static void add(struct figures *sum, const struct figures *figures)
{
	sum->cases += figures->cases;
	sum->completed += figures->completed;
	sum->faulted += figures->faulted;
	sum->syndromes += figures->syndromes;
	sum->sessions += figures->sessions;
	sum->unpredictable += figures->unpredictable;
	sum->undefined += figures->undefined;
	sum->refused += figures->refused;
	sum->mismatches += figures->mismatches;
	for (unsigned i = 0; i < EXCLUSION_COUNT; i++)
		sum->exclusions[i] += figures->exclusions[i];
}

static void figure(const char *name, uint64_t value)
{
	printf("| %s | %" PRIu64 " |\n", name, value);
}

static void exclusions(const struct figures *sum)
{
	static const struct {
		const char *name, *text;
	} names[] = {
#define X(name, text) {#name, text},
		EXCLUSIONS(X)
#undef X
	};

	for (unsigned i = 0; i < EXCLUSION_COUNT; i++)
		if (sum->exclusions[i])
			printf("\nLeft out, %s: %" PRIu64 " cases. %s\n", names[i].name, sum->exclusions[i],
			       names[i].text);
}

/* A row is known to QEMU altogether or not at all, and refused altogether or not at all. */
static bool mixed(const struct figures *figures)
{
	return (figures->undefined && figures->cases) || (figures->refused && figures->sessions);
}

bool report(const struct options *options, const char *version, const struct results *results)
{
	struct row_result *rows = calloc(ROWS, sizeof(*rows));
	size_t count, run = 0, unknown = 0, aside = 0;
	const struct sv_row *first = sv_rows(SV_A64, &count);
	struct figures sum = {0};
	uint64_t least = UINT64_MAX, most = 0;
	time_t now = time(NULL);
	char date[32];
	bool good = true;

	if (!rows)
		return false;
	for (unsigned worker = 0; worker < options->workers; worker++)
		for (size_t i = 0; i < count; i++) {
			add(&rows[i].figures, &results[worker].row[i].figures);
			if (results[worker].row[i].reason)
				rows[i].reason = results[worker].row[i].reason;
		}
	for (size_t i = 0; i < count; i++) {
		const struct figures *figures = &rows[i].figures;
		uint64_t cases = figures->cases;

		add(&sum, figures);
		if (!cases) {
			unknown += !!figures->undefined;
			continue;
		}
		run++;
		least = cases < least ? cases : least;
		most = cases > most ? cases : most;
	}

	strftime(date, sizeof(date), "%Y-%m-%d", gmtime(&now));
	printf("\n| | |\n|---|---|\n| date | %s |\n| %s | |\n| seed | %" PRIu64 " |\n", date, version,
	       options->seed);
	figure("rows run", run);
	figure("rows that this QEMU does not know", unknown);
	figure("cases", sum.cases);
	figure("fewest cases of a row", run ? least : 0);
	figure("most cases of a row", most);
	figure("completed, registers and memory compared", sum.completed);
	figure("stage-1 faults compared", sum.faulted);
	figure("stage-2 aborts, syndromes compared", sum.syndromes);
	figure("sessions run on those aborts and compared", sum.sessions);
	figure("refused by name", sum.refused);
	figure("CONSTRAINED UNPREDICTABLE words drawn and not run", sum.unpredictable);
	figure("mismatches", sum.mismatches);
	exclusions(&sum);

	for (size_t i = 0; i < count; i++)
		aside += !run_takes(&first[i]);
	printf("\nNot run: %zu rows of memory copies and sets.\n", aside);
	if (unknown)
		printf("\nRows that this QEMU does not know:\n");
	for (size_t i = 0; i < count; i++)
		if (!rows[i].figures.cases && rows[i].figures.undefined)
			printf("  %s %s\n", sv_row_name(&first[i]), sv_row_feature(&first[i]));
	for (size_t i = 0; i < count; i++)
		if (rows[i].figures.refused)
			printf("refused: %s: %s\n", sv_row_name(&first[i]), rows[i].reason);
	for (size_t i = 0; i < count; i++)
		if (mixed(&rows[i].figures)) {
			printf("MISMATCH %s: %" PRIu64 " of %" PRIu64 " cases undefined, %" PRIu64
			       " refused\n",
			       sv_row_name(&first[i]), rows[i].figures.undefined,
			       rows[i].figures.cases + rows[i].figures.undefined, rows[i].figures.refused);
			good = false;
		}
	for (size_t i = 0; i < count; i++)
		if (rows[i].figures.mismatches)
			printf("MISMATCH %s: %" PRIu64 " of %" PRIu64 "\n", sv_row_name(&first[i]),
			       rows[i].figures.mismatches, rows[i].figures.cases);
	for (unsigned worker = 0; worker < options->workers; worker++)
		for (unsigned i = 0; i < results[worker].failures; i++)
			printf("%s: %s:\n%s\n", sv_row_name(&first[results[worker].failure[i].row]),
			       results[worker].failure[i].what, results[worker].failure[i].line);
	free(rows);
	return good && !sum.mismatches && run;
}
