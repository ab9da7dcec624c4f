/* SPDX-License-Identifier: BSD-2-Clause */
/* Recording an error: the vCPU thread's part, then the part for everybody else. */
#include <errno.h>
#include <string.h>
#include <time.h>

#include <salvage/poison.h>

#include "ras.h"

static uint64_t clock_ns(clockid_t id)
{
	struct timespec now;

	clock_gettime(id, &now);
	return (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
}

/* Writes the entry's record; under the mutex. Returns 0 or errno. */
static int append(struct sv_ras *ras, struct ras_entry *entry)
{
	int error = 0;

	if (ras->has_journal) {
		error = journal_append(&ras->journal, &entry->record);
		if (!error)
			atomic_store(&entry->index, entry->record.index);
	}
	if (entry->unwritten != (error != 0))
		atomic_fetch_add(&ras->unwritten, error ? 1 : UINT32_MAX);
	entry->unwritten = error != 0;
	/* Once there was a record on disk, a page stays durable: only its confirmation is missing. */
	if (!error && ras->has_journal)
		atomic_store(&entry->durable, true);
	return error;
}

static void append_and_say(struct sv_ras *ras, struct ras_entry *entry, struct sv_ras_answer *answer)
{
	int error = append(ras, entry);

	if (error && !atomic_exchange(&ras->not_written_said, true)) {
		answer->notice |= SV_RAS_NOT_WRITTEN;
		answer->error = error;
	}
}

/* Inferred pages are left out: host code that shuns a good page does harm too. */
static void poison(struct sv_ras *ras, const struct sv_memory_error *error, struct sv_ras_answer *answer)
{
	if (ras->poison && answer->kind == SV_RAS_BY_GPA && !(error->valid & SV_RAS_INFERRED) &&
	    sv_poison_add(ras->poison, error->gpa) != SV_OK && !atomic_exchange(&ras->poison_said, true))
		answer->notice |= SV_RAS_POISON_FULL;
}

static void saturated(struct sv_ras *ras, struct sv_ras_answer *answer)
{
	answer->sighting = SV_RAS_SATURATED;
	answer->count = atomic_fetch_add(&ras->saturated, 1) + 1;
	if (!atomic_exchange(&ras->full_said, true))
		answer->notice |= SV_RAS_FULL;
}

static void repeat(struct ras_entry *entry, const struct sv_memory_error *error, struct sv_ras_answer *answer)
{
	answer->sighting = SV_RAS_REPEAT;
	answer->count = atomic_fetch_add_explicit(&entry->count, 1, memory_order_relaxed) + 1;
	atomic_store_explicit(&entry->last_ns, error->realtime_ns, memory_order_relaxed);
}

/* Under the mutex, with the page not known. */
static void sight(struct sv_ras *ras, uint64_t key, const struct sv_memory_error *error,
		  struct sv_ras_answer *answer)
{
	struct ras_entry *entry = &ras->entries[atomic_load(&ras->set.count)];
	bool page = answer->kind != SV_RAS_UNKNOWN;
	uint32_t distinct = atomic_load(&ras->distinct) + page;
	struct sv_thresholds reached = {0};

	if (distinct > ras->max_pages) {
		saturated(ras, answer);
		return;
	}
	if (page) {
		reached = sv_thresholds(&ras->policy, distinct);
		answer->rule = reached.rule;
	}
	entry->record = (struct journal_record){
		.sighting = page ? RECORD_NEW : RECORD_NO_PAGE,
		.error = *error,
		.count = 1,
		.distinct = distinct,
		.threshold = reached.rule ? reached.rule->threshold : 0,
		.action = reached.rule ? reached.rule->action : 0,
	};
	atomic_store(&entry->count, 1);
	atomic_store(&entry->last_ns, error->realtime_ns);
	atomic_store(&entry->inferred, (error->valid & SV_RAS_INFERRED) != 0);
	atomic_fetch_add(&ras->inferred, (error->valid & SV_RAS_INFERRED) != 0);
	entry->flushed = 1;
	answer->sighting = page ? SV_RAS_NEW : SV_RAS_NO_PAGE;
	answer->count = 1;
	append_and_say(ras, entry, answer);
	answer->durable = atomic_load(&entry->durable);
	/* Only now may others take it for known: then it is on disk, or known not to be. */
	pages_add(&ras->set, key);
	atomic_store(&ras->distinct, distinct);
}

/* Under the mutex: the hardware reported what only inference had. */
static void confirm(struct sv_ras *ras, struct ras_entry *entry, const struct sv_memory_error *error,
		    struct sv_ras_answer *answer)
{
	repeat(entry, error, answer);
	if (!atomic_exchange(&entry->inferred, false))
		return;
	atomic_fetch_sub(&ras->inferred, 1);
	answer->sighting = SV_RAS_CONFIRMED;
	entry->record.sighting = RECORD_CONFIRMED;
	entry->record.error = *error;
	entry->record.count = answer->count;
	entry->record.distinct = atomic_load(&ras->distinct);
	/* The decision stays with the record it was made on, unless that one never reached the disk. */
	if (!entry->unwritten)
		entry->record.threshold = entry->record.action = 0;
	append_and_say(ras, entry, answer);
}

enum sv_status sv_ras_record(struct sv_ras *ras, const struct sv_memory_error *given,
			     struct sv_ras_answer *answer)
{
	struct sv_memory_error error = *given;
	uint32_t number;
	uint64_t key;
	bool certain;

	if (error_normalise(&error) != SV_OK)
		return SV_MALFORMED;
	if (!error.realtime_ns)
		error.realtime_ns = clock_ns(CLOCK_REALTIME);
	if (!error.monotonic_ns)
		error.monotonic_ns = clock_ns(CLOCK_MONOTONIC);
	*answer = (struct sv_ras_answer){0};
	answer->kind = (uint8_t)sv_ras_identify(&error, &answer->page);
	key = answer->page | answer->kind;
	certain = answer->kind != SV_RAS_UNKNOWN && !(error.valid & SV_RAS_INFERRED);
	atomic_fetch_add_explicit(&ras->errors, 1, memory_order_relaxed);
	poison(ras, &error, answer);

	number = pages_find(&ras->set, key);
	/* All pages that count are published before distinct says so: the second look is final. */
	if (number == PAGES_NONE && answer->kind != SV_RAS_UNKNOWN &&
	    atomic_load(&ras->distinct) == ras->max_pages &&
	    (number = pages_find(&ras->set, key)) == PAGES_NONE) {
		saturated(ras, answer);
	} else if (number != PAGES_NONE && !(certain && atomic_load(&ras->entries[number].inferred))) {
		repeat(&ras->entries[number], &error, answer);
	} else {
		pthread_mutex_lock(&ras->mutex);
		number = pages_find(&ras->set, key);
		if (number == PAGES_NONE)
			sight(ras, key, &error, answer);
		else if (certain)
			confirm(ras, &ras->entries[number], &error, answer);
		else
			repeat(&ras->entries[number], &error, answer);
		pthread_mutex_unlock(&ras->mutex);
	}
	if (number != PAGES_NONE)
		answer->durable = atomic_load(&ras->entries[number].durable);
	answer->distinct = atomic_load(&ras->distinct);
	return SV_OK;
}

/* First sightings that the disk did not take. */
static int write_again(struct sv_ras *ras, uint32_t count)
{
	int error = 0;

	for (uint32_t i = 0; i < count && atomic_load(&ras->unwritten) && !error; i++) {
		pthread_mutex_lock(&ras->mutex);
		if (ras->entries[i].unwritten) {
			ras->entries[i].record.count = atomic_load(&ras->entries[i].count);
			error = append(ras, &ras->entries[i]);
		}
		pthread_mutex_unlock(&ras->mutex);
	}
	if (!error)
		atomic_store(&ras->not_written_said, false);
	return error;
}

enum sv_status sv_ras_flush(struct sv_ras *ras)
{
	uint32_t count = atomic_load_explicit(&ras->set.count, memory_order_acquire);
	int error;

	if (!ras->has_journal)
		return SV_OK;
	pthread_mutex_lock(&ras->flush);
	error = write_again(ras, count);
	for (uint32_t i = 0; i < count && !error; i++) {
		struct ras_entry *entry = &ras->entries[i];
		struct journal_tally tally = {atomic_load(&entry->count), atomic_load(&entry->last_ns)};

		if (tally.count == entry->flushed || !atomic_load(&entry->durable))
			continue;
		error = journal_tally(&ras->journal, atomic_load(&entry->index), &tally);
		if (!error)
			entry->flushed = tally.count;
	}
	pthread_mutex_unlock(&ras->flush);
	errno = error;
	return error ? SV_SYSTEM : SV_OK;
}

void sv_ras_state(struct sv_ras *ras, struct sv_ras_state *state)
{
	uint32_t unknown = pages_find(&ras->set, SV_RAS_UNKNOWN);

	*state = (struct sv_ras_state){
		.distinct = atomic_load(&ras->distinct),
		.inferred = atomic_load(&ras->inferred),
		.unwritten = atomic_load(&ras->unwritten),
		.errors = atomic_load(&ras->errors),
		.unknown = unknown == PAGES_NONE ? 0 : atomic_load(&ras->entries[unknown].count),
		.saturated = atomic_load(&ras->saturated),
	};
}
