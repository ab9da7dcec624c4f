/* SPDX-License-Identifier: BSD-2-Clause */
/* What the workers found, as docs/verification.md shows it. */
#include <errno.h>
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
	sum->resumed += figures->resumed;
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

/* The rows that a text is about, in one paragraph. */
static void list(const char *text, const struct figures *rows,
		 bool (*chosen)(const struct sv_row *, const struct figures *))
{
	size_t count, found = 0;
	const struct sv_row *first = sv_rows(SV_A64, &count);

	for (size_t i = 0; i < count; i++)
		if (chosen(&first[i], &rows[i]))
			printf("%s%s", found++ ? " " : text, sv_row_name(&first[i]));
	if (found)
		printf("\n");
}

static bool is_known(const struct figures *figures)
{
	return figures->cases || figures->refused;
}

static bool is_unknown(const struct sv_row *row, const struct figures *figures)
{
	(void)row;
	return !is_known(figures) && figures->undefined;
}

static bool is_left_out(const struct sv_row *row, const struct figures *figures)
{
	uint64_t exclusions = 0;

	(void)row;
	for (unsigned i = 0; i < EXCLUSION_COUNT; i++)
		exclusions += figures->exclusions[i];
	return !is_known(figures) && !figures->undefined && exclusions;
}

/* QEMU knows a row altogether or not at all. */
static bool is_mixed(const struct sv_row *row, const struct figures *figures)
{
	(void)row;
	return is_known(figures) && figures->undefined;
}

static void table(const struct options *options, const char *version, const struct figures *rows)
{
	size_t count;
	uint64_t least = UINT64_MAX, most = 0, performed = 0, refused = 0, unknown = 0;
	const struct sv_row *first = sv_rows(SV_A64, &count);
	struct figures sum = {0};
	time_t now = time(NULL);
	char date[32];

	for (size_t i = 0; i < count; i++) {
		add(&sum, &rows[i]);
		unknown += is_unknown(&first[i], &rows[i]);
		refused += !!rows[i].refused;
		if (!rows[i].cases)
			continue;
		performed++;
		least = rows[i].cases < least ? rows[i].cases : least;
		most = rows[i].cases > most ? rows[i].cases : most;
	}
	strftime(date, sizeof(date), "%Y-%m-%d", gmtime(&now));
	printf("\n| | |\n|---|---|\n| date | %s |\n| QEMU | %s |\n| seed, workers | %" PRIu64 ", %u |\n",
	       date, version, options->seed, options->workers);
	figure("rows performed and compared", performed);
	figure("cases compared", sum.cases);
	figure("fewest of a row", performed ? least : 0);
	figure("most of a row", most);
	figure("of them completed, registers and memory compared", sum.completed);
	figure("sessions run on stage-2 aborts of these cases, compared to the end", sum.sessions);
	figure("memory copies that QEMU went on with after a session", sum.resumed);
	figure("rows refused by name, syndromes and reasons compared", refused);
	figure("their cases", sum.refused);
	figure("stage-2 aborts, syndromes compared", sum.syndromes);
	figure("stage-1 faults, status and address compared", sum.faulted);
	figure("rows that this QEMU does not know", unknown);
	figure("CONSTRAINED UNPREDICTABLE words, drawn and not run", sum.unpredictable);
	figure("mismatches", sum.mismatches);
	exclusions(&sum);
}

/* ROW<tab>COUNT, for isa/coverage.py: cases with the same result. */
static bool write_counts(const char *path, const struct figures *rows)
{
	size_t count;
	const struct sv_row *first = sv_rows(SV_A64, &count);
	FILE *file = fopen(path, "w");

	for (size_t i = 0; file && i < count; i++) {
		uint64_t cases = rows[i].cases + rows[i].refused;

		if (cases)
			fprintf(file, "%s\t%" PRIu64 "\n", sv_row_name(&first[i]),
				cases - rows[i].mismatches);
	}
	if (file && !fclose(file)) {
		printf("\nCases by row are in %s. Into the table, the sum if there are several runs:\n"
		       "isa/coverage.py docs/coverage.md --compared %s\n",
		       path, path);
		return true;
	}
	fprintf(stderr, "oracle: --compared: %s: %s\n", path, strerror(errno));
	return false;
}

static void failures(const struct options *options, const struct results *results)
{
	size_t count;
	const struct sv_row *first = sv_rows(SV_A64, &count);

	for (unsigned worker = 0; worker < options->workers; worker++)
		for (unsigned i = 0; i < results[worker].failures; i++)
			printf("%s: %s:\n%s\n", sv_row_name(&first[results[worker].failure[i].row]),
			       results[worker].failure[i].what, results[worker].failure[i].line);
}

bool report(const struct options *options, const char *version, const struct results *results)
{
	struct figures *rows = calloc(ROWS, sizeof(*rows));
	size_t count;
	const struct sv_row *first = sv_rows(SV_A64, &count);
	bool good = true, any = false;

	if (!rows)
		return false;
	for (unsigned worker = 0; worker < options->workers; worker++)
		for (size_t i = 0; i < count; i++)
			add(&rows[i], &results[worker].row[i]);
	table(options, version, rows);
	list("\nRows left out altogether: ", rows, is_left_out);
	list("\nRows that this QEMU does not know: ", rows, is_unknown);
	for (size_t i = 0; i < count; i++) {
		any |= is_known(&rows[i]);
		if (!rows[i].mismatches && !is_mixed(&first[i], &rows[i]))
			continue;
		good = false;
		printf("MISMATCH %s: %" PRIu64 " of %" PRIu64 ", undefined to QEMU %" PRIu64 "\n",
		       sv_row_name(&first[i]), rows[i].mismatches, rows[i].cases + rows[i].refused,
		       rows[i].undefined);
	}
	failures(options, results);
	if (options->compared)
		good &= write_counts(options->compared, rows);
	if (!any)
		printf("no row was compared\n");
	free(rows);
	return good && any;
}
