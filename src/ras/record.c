/* SPDX-License-Identifier: BSD-2-Clause */
#include <string.h>

#include "../name.h"
#include "bytes.h"
#include "crc.h"
#include "record.h"

static const char header_magic[8] = "SVJOURNL", mark_magic[8] = "SVABSORB";

#define VALID_ALL (SV_RAS_GPA | SV_RAS_GVA | SV_RAS_HVA | SV_RAS_PC | SV_RAS_ESR | SV_RAS_INFERRED)

/*
 * The integers of each structure: offset in the file, bytes, where in memory. One table serves both
 * directions.
 */
struct field {
	uint16_t at, bytes, offset, size;
};

#define FIELD(type, member, at, bytes)                                         \
	{                                                                      \
		at, bytes, offsetof(type, member), sizeof(((type *)0)->member) \
	}

static const struct field header_fields[] = {
	FIELD(struct journal_header, generation, 16, 8),
	FIELD(struct journal_header, capacity, 28, 4),
	FIELD(struct journal_header, id, 32, 8),
	FIELD(struct journal_header, created_ns, 40, 8),
};

static const struct field record_fields[] = {
	FIELD(struct journal_record, index, 4, 4),
	FIELD(struct journal_record, error.source, 9, 1),
	FIELD(struct journal_record, error.valid, 10, 1),
	FIELD(struct journal_record, sighting, 11, 1),
	FIELD(struct journal_record, error.vcpu, 12, 4),
	FIELD(struct journal_record, error.realtime_ns, 16, 8),
	FIELD(struct journal_record, error.monotonic_ns, 24, 8),
	FIELD(struct journal_record, error.esr, 32, 8),
	FIELD(struct journal_record, error.gpa, 40, 8),
	FIELD(struct journal_record, error.gva, 48, 8),
	FIELD(struct journal_record, error.hva, 56, 8),
	FIELD(struct journal_record, error.pc, 64, 8),
	FIELD(struct journal_record, id, 72, 8),
	FIELD(struct journal_record, count, 112, 8),
	FIELD(struct journal_record, distinct, 120, 4),
	FIELD(struct journal_record, threshold, 124, 3),
	FIELD(struct journal_record, action, 127, 1),
};

_Static_assert(SV_ACTION_STOP == 4 && SV_ACTION_RESTART == 5 && SV_ACTION_DUMP == 6,
	       "actions are numbers in journals: a new one goes behind them");

/* Where the byte for the kind of record is, and its only value so far. */
#define RECORD_TYPE_AT 8
#define RECORD_TYPE    1

static void put_fields(const struct field *fields, size_t count, const void *from, uint8_t *bytes)
{
	for (size_t i = 0; i < count; i++) {
		const uint8_t *member = (const uint8_t *)from + fields[i].offset;
		uint64_t value = 0;

		if (fields[i].size == 1)
			value = *member;
		else if (fields[i].size == 4)
			value = *(const uint32_t *)(const void *)member;
		else
			value = *(const uint64_t *)(const void *)member;
		bytes_put(bytes + fields[i].at, value, fields[i].bytes);
	}
}

static void get_fields(const struct field *fields, size_t count, const uint8_t *bytes, void *to)
{
	for (size_t i = 0; i < count; i++) {
		uint64_t value = bytes_get(bytes + fields[i].at, fields[i].bytes);
		uint8_t *member = (uint8_t *)to + fields[i].offset;

		if (fields[i].size == 1)
			*member = (uint8_t)value;
		else if (fields[i].size == 4)
			*(uint32_t *)(void *)member = (uint32_t)value;
		else
			*(uint64_t *)(void *)member = value;
	}
}

void header_encode(const struct journal_header *header, uint8_t bytes[HEADER_SIZE])
{
	memset(bytes, 0, HEADER_SIZE);
	memcpy(bytes, header_magic, sizeof(header_magic));
	bytes_put(bytes + 12, JOURNAL_VERSION, 4);
	bytes_put(bytes + 24, RECORD_SIZE, 4);
	put_fields(header_fields, COUNT(header_fields), header, bytes);
	memcpy(bytes + 48, header->vm, 16);
	memcpy(bytes + 64, header->boot, 16);
	memcpy(bytes + 80, header->host_boot, 16);
	memcpy(bytes + 96, header->name, sizeof(header->name));
	bytes_put(bytes + 8, crc32c(bytes + 12, HEADER_SIZE - 12), 4);
}

enum sv_status header_decode(const uint8_t bytes[HEADER_SIZE], struct journal_header *header)
{
	if (memcmp(bytes, header_magic, sizeof(header_magic)) ||
	    bytes_get(bytes + 8, 4) != crc32c(bytes + 12, HEADER_SIZE - 12))
		return SV_DAMAGED;
	if (bytes_get(bytes + 12, 4) > JOURNAL_VERSION)
		return SV_UNSUPPORTED;
	get_fields(header_fields, COUNT(header_fields), bytes, header);
	memcpy(header->vm, bytes + 48, 16);
	memcpy(header->boot, bytes + 64, 16);
	memcpy(header->host_boot, bytes + 80, 16);
	memcpy(header->name, bytes + 96, sizeof(header->name));
	if (!bytes_get(bytes + 12, 4) || bytes_get(bytes + 24, 4) != RECORD_SIZE || !header->capacity ||
	    header->capacity > CAPACITY_MAX || header->name[sizeof(header->name) - 1])
		return SV_DAMAGED;
	return SV_OK;
}

void record_encode(const struct journal_record *record, uint8_t bytes[RECORD_SIZE])
{
	put_fields(record_fields, COUNT(record_fields), record, bytes);
	bytes[RECORD_TYPE_AT] = RECORD_TYPE;
	memcpy(bytes + 80, record->vm, 16);
	memcpy(bytes + 96, record->boot, 16);
	bytes_put(bytes, crc32c(bytes + 4, RECORD_SIZE - 4), 4);
}

bool record_decode(const uint8_t bytes[RECORD_SIZE], uint32_t index, struct journal_record *record)
{
	struct sv_memory_error error;

	if (bytes_get(bytes, 4) != crc32c(bytes + 4, RECORD_SIZE - 4) || bytes[RECORD_TYPE_AT] != RECORD_TYPE)
		return false;
	get_fields(record_fields, COUNT(record_fields), bytes, record);
	memcpy(record->vm, bytes + 80, 16);
	memcpy(record->boot, bytes + 96, 16);
	error = record->error;
	return record->index == index && record->sighting >= RECORD_NEW &&
	       record->sighting <= RECORD_CARRIED && record->action < SV_ACTION_COUNT &&
	       error_normalise(&error) == SV_OK;
}

void tally_encode(const struct journal_tally *tally, uint64_t id, uint32_t index, uint8_t bytes[TALLY_SIZE])
{
	bytes_put(bytes + 4, index, 4);
	bytes_put(bytes + 8, tally->count, 8);
	bytes_put(bytes + 16, tally->last_ns, 8);
	bytes_put(bytes + 24, id, 8);
	bytes_put(bytes, crc32c(bytes + 4, TALLY_SIZE - 4), 4);
}

bool tally_decode(const uint8_t bytes[TALLY_SIZE], uint64_t id, uint32_t index, struct journal_tally *tally)
{
	if (bytes_get(bytes, 4) != crc32c(bytes + 4, TALLY_SIZE - 4) || bytes_get(bytes + 4, 4) != index ||
	    bytes_get(bytes + 24, 8) != id)
		return false;
	tally->count = bytes_get(bytes + 8, 8);
	tally->last_ns = bytes_get(bytes + 16, 8);
	return true;
}

void mark_encode(uint32_t absorbed, uint64_t id, uint8_t bytes[MARK_SIZE])
{
	memset(bytes, 0, MARK_SIZE);
	memcpy(bytes, mark_magic, sizeof(mark_magic));
	bytes_put(bytes + 12, absorbed, 4);
	bytes_put(bytes + 16, id, 8);
	bytes_put(bytes + 8, crc32c(bytes + 12, MARK_SIZE - 12), 4);
}

uint32_t mark_decode(const uint8_t bytes[MARK_SIZE], uint64_t id)
{
	if (memcmp(bytes, mark_magic, sizeof(mark_magic)) || bytes_get(bytes + 16, 8) != id ||
	    bytes_get(bytes + 8, 4) != crc32c(bytes + 12, MARK_SIZE - 12))
		return 0;
	return (uint32_t)bytes_get(bytes + 12, 4);
}

enum sv_status error_normalise(struct sv_memory_error *error)
{
	if (error->source >= SV_RAS_SOURCE_COUNT || error->valid & ~VALID_ALL ||
	    (error->valid & SV_RAS_INFERRED && !(error->valid & (SV_RAS_GPA | SV_RAS_GVA))))
		return SV_MALFORMED;
	error->esr = error->valid & SV_RAS_ESR ? error->esr : 0;
	error->gpa = error->valid & SV_RAS_GPA ? error->gpa : 0;
	error->gva = error->valid & SV_RAS_GVA ? error->gva : 0;
	error->hva = error->valid & SV_RAS_HVA ? error->hva : 0;
	error->pc = error->valid & SV_RAS_PC ? error->pc : 0;
	return SV_OK;
}

enum sv_ras_kind sv_ras_identify(const struct sv_memory_error *error, uint64_t *page)
{
	if (error->valid & SV_RAS_GPA) {
		*page = error->gpa & ~(SV_RAS_PAGE - 1);
		return SV_RAS_BY_GPA;
	}
	if (error->valid & SV_RAS_GVA) {
		*page = error->gva & ~(SV_RAS_PAGE - 1);
		return SV_RAS_BY_GVA;
	}
	*page = 0;
	return SV_RAS_UNKNOWN;
}

const char *sv_ras_source_name(enum sv_ras_source source)
{
	static const char *const names[] = {
#define X(name, text) [SV_RAS_##name] = text,
		SV_RAS_SOURCES(X)
#undef X
	};

	return NAME(names, source);
}

const char *sv_ras_kind_name(enum sv_ras_kind kind)
{
	static const char *const names[] = {"?", "gpa", "gva", "unknown"};

	return NAME(names, kind);
}
