/* SPDX-License-Identifier: BSD-2-Clause */
/* sv_ras_open and sv_ras_close: all memory that will ever be needed, and what the journal knew. */
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <unistd.h>

#include <salvage/poison.h>

#include "bytes.h"
#include "ras.h"

static enum sv_status refuse(struct sv_ras_opening *opening, enum sv_status status, const char *text, ...)
	__attribute__((format(printf, 3, 4)));

static enum sv_status refuse(struct sv_ras_opening *opening, enum sv_status status, const char *text, ...)
{
	int error = errno;
	va_list ap;

	va_start(ap, text);
	vsnprintf(opening->text, sizeof(opening->text), text, ap);
	va_end(ap);
	errno = error;
	return status;
}

/* Not known on a system without /proc: then all zero. */
static void read_host_boot(uint8_t id[16])
{
	int fd = open("/proc/sys/kernel/random/boot_id", O_RDONLY | O_CLOEXEC);
	char text[37] = "";

	memset(id, 0, 16);
	if (fd < 0)
		return;
	if (read(fd, text, 36) == 36)
		sv_ras_vm_id(text, id);
	close(fd);
}

/* Only what thresholds need, in memory of our own. */
static enum sv_status copy_rules(struct sv_ras *ras, const struct sv_policy *policy,
				 struct sv_ras_opening *opening)
{
	size_t count = policy ? policy->count : 0;

	ras->policy.rules = calloc(count + 1, sizeof(*ras->policy.rules));
	if (!ras->policy.rules)
		return refuse(opening, SV_SYSTEM, "no memory for the rules");
	for (size_t i = 0; i < count; i++) {
		const struct sv_rule *rule = &policy->rules[i];

		if (!rule->threshold || rule->cause != SV_CAUSE_SEA)
			continue;
		if (rule->threshold > ras->max_pages)
			return refuse(opening, SV_MALFORMED,
				      "the rule \"%s\" would never act: at most %u pages are told apart",
				      rule->text, ras->max_pages);
		ras->policy.rules[ras->policy.count++] = *rule;
	}
	ras->policy.capacity = ras->policy.count;
	return SV_OK;
}

void ras_restore(struct sv_ras *ras, const struct journal_record *record)
{
	struct ras_entry *entry = &ras->entries[atomic_load(&ras->set.count)];
	bool inferred = record->error.valid & SV_RAS_INFERRED;
	uint64_t page;
	enum sv_ras_kind kind = sv_ras_identify(&record->error, &page);

	entry->record = *record;
	entry->flushed = record->count;
	atomic_init(&entry->count, record->count);
	atomic_init(&entry->last_ns, record->error.realtime_ns);
	atomic_init(&entry->index, record->index);
	atomic_init(&entry->durable, true);
	atomic_init(&entry->inferred, inferred);
	pages_add(&ras->set, page | kind);
	atomic_fetch_add(&ras->distinct, kind != SV_RAS_UNKNOWN);
	atomic_fetch_add(&ras->inferred, inferred);
	atomic_fetch_add(&ras->errors, record->count);
	if (ras->poison && kind == SV_RAS_BY_GPA && !inferred)
		sv_poison_add(ras->poison, page);
}

static enum sv_status open_journal(struct sv_ras *ras, const struct sv_ras_config *config,
				   struct journal_scan *scan, struct sv_ras_opening *opening)
{
	struct journal_header header = {.capacity = 4 * (ras->max_pages + 1)};
	enum sv_status status;

	sv_ras_vm_id(config->vm, header.vm);
	memcpy(header.boot, opening->boot, sizeof(header.boot));
	read_host_boot(header.host_boot);
	strcpy(header.name, config->vm);
	/* A page needs two records if it is first inferred and then confirmed. */
	status = journal_open(&ras->journal, config->journal, &header, 2 * (ras->max_pages + 1), scan,
			      opening);
	ras->has_journal = status == SV_OK;
	return status;
}

static enum sv_status start(struct sv_ras *ras, const struct sv_ras_config *config, struct journal_scan *scan,
			    struct sv_ras_opening *opening)
{
	enum sv_status status;
	uint8_t vm[16];

	if (!config->vm || sv_ras_vm_id(config->vm, vm) != SV_OK)
		return refuse(opening, SV_MALFORMED, "a VM needs a name or UUID of 1 to %d bytes",
			      SV_RAS_NAME - 1);
	ras->max_pages = config->max_pages ? config->max_pages : SV_RAS_PAGES_DEFAULT;
	if (ras->max_pages > SV_RAS_PAGES_MAX)
		return refuse(opening, SV_MALFORMED, "%u pages are too many; at most %d can be told apart",
			      config->max_pages, SV_RAS_PAGES_MAX);
	memcpy(opening->boot, config->boot, sizeof(opening->boot));
	while (bytes_are_zero(opening->boot, sizeof(opening->boot)))
		if (getrandom(opening->boot, sizeof(opening->boot), 0) < 0)
			return refuse(opening, SV_SYSTEM, "no random number: %s", strerror(errno));
	status = copy_rules(ras, config->policy, opening);
	if (status == SV_OK && config->journal)
		status = open_journal(ras, config, scan, opening);
	if (status != SV_OK)
		return status;
	/* The limit may have been higher when the journal was written. */
	if (opening->restored > ras->max_pages)
		ras->max_pages = opening->restored;
	ras->entries = calloc((size_t)ras->max_pages + 1, sizeof(*ras->entries));
	if (!ras->entries || !pages_init(&ras->set, ras->max_pages + 1))
		return refuse(opening, SV_SYSTEM, "no memory for %u pages", ras->max_pages);
	ras->poison = config->poison;
	for (uint32_t i = 0; i < opening->restored; i++)
		ras_restore(ras, &scan->records[i]);
	opening->restored = atomic_load(&ras->distinct);
	return SV_OK;
}

enum sv_status sv_ras_open(const struct sv_ras_config *config, struct sv_ras **opened,
			   struct sv_ras_opening *opening)
{
	struct journal_scan scan = {0};
	enum sv_status status;
	struct sv_ras *ras;
	int error;

	memset(opening, 0, sizeof(*opening));
	*opened = NULL;
	ras = calloc(1, sizeof(*ras));
	if (!ras)
		return refuse(opening, SV_SYSTEM, "no memory");
	pthread_mutex_init(&ras->mutex, NULL);
	pthread_mutex_init(&ras->flush, NULL);
	status = start(ras, config, &scan, opening);
	error = errno;
	journal_scan_free(&scan);
	if (status == SV_OK)
		*opened = ras;
	else
		sv_ras_close(ras);
	errno = error;
	return status;
}

void sv_ras_close(struct sv_ras *ras)
{
	if (!ras)
		return;
	if (ras->has_journal) {
		if (ras->entries && ras->set.slots)
			sv_ras_flush(ras);
		journal_close(&ras->journal);
	}
	pages_free(&ras->set);
	pthread_mutex_destroy(&ras->mutex);
	pthread_mutex_destroy(&ras->flush);
	free(ras->entries);
	free(ras->policy.rules);
	free(ras);
}
