/* SPDX-License-Identifier: BSD-2-Clause */
#include <string.h>

#include "ras/bytes.h"
#include "ras/crc.h"
#include "ras/record.h"

#include "journal-file.h"

#define CAPACITY_USED 16

static struct sv_memory_error take_error(struct fuzz_input *input)
{
	return (struct sv_memory_error){
		.source = (uint8_t)(fuzz_take(input, 1) % (SV_RAS_SOURCE_COUNT + 1)),
		.valid = (uint8_t)(fuzz_take(input, 1) & 0x7f),
		.vcpu = (uint32_t)fuzz_take(input, 1),
		.realtime_ns = fuzz_take(input, 4),
		.esr = fuzz_take(input, 4),
		.gpa = fuzz_take(input, 4) << 8,
		.gva = fuzz_take(input, 2) << 12,
	};
}

static void take_record(struct fuzz_journal *journal, struct fuzz_input *input, struct journal_header *header)
{
	uint8_t shape = (uint8_t)fuzz_take(input, 1);
	struct journal_record record = {
		.index = (shape & 0xf) % header->capacity,
		.sighting = RECORD_NEW + (shape >> 4 & 3),
		.error = take_error(input),
		.id = header->id,
		.count = 1 + fuzz_take(input, 2),
		.distinct = (uint32_t)fuzz_take(input, 1),
	};
	struct journal_tally tally = {record.count + (shape >> 6), record.error.realtime_ns};

	record.threshold = shape & 0x40 ? record.distinct : 0;
	record.action = SV_ACTION_STOP ^ (shape & 0x80 ? (uint8_t)fuzz_take(input, 1) : 0);
	memcpy(record.vm, header->vm, sizeof(record.vm));
	memcpy(record.boot, header->boot, sizeof(record.boot));
	if (record.distinct & 0x80)
		record.boot[0] ^= 1;
	record_encode(&record, journal->bytes + RECORD_AT(record.index));
	tally_encode(&tally, header->id, record.index,
		     journal->bytes + TALLY_AT(header->capacity, record.index));
}

/* The checksum that the format has for what lies there. */
static void mend(struct fuzz_journal *journal, uint32_t capacity, size_t at)
{
	uint8_t *bytes = journal->bytes;

	if (at < 2 * HEADER_SIZE) {
		bytes += at / HEADER_SIZE * HEADER_SIZE;
		bytes_put(bytes + 8, crc32c(bytes + 12, HEADER_SIZE - 12), 4);
	} else if (at < RECORDS_AT) {
		bytes += MARK_OFFSET;
		bytes_put(bytes + 8, crc32c(bytes + 12, MARK_SIZE - 12), 4);
	} else if (at < RECORD_AT(capacity)) {
		bytes += at / RECORD_SIZE * RECORD_SIZE;
		bytes_put(bytes, crc32c(bytes + 4, RECORD_SIZE - 4), 4);
	} else {
		bytes += at / TALLY_SIZE * TALLY_SIZE;
		bytes_put(bytes, crc32c(bytes + 4, TALLY_SIZE - 4), 4);
	}
}

/* Some bytes somewhere become others. */
static void take_damage(struct fuzz_journal *journal, struct fuzz_input *input, uint32_t capacity)
{
	uint16_t where = (uint16_t)fuzz_take(input, 2);
	uint8_t shape = (uint8_t)fuzz_take(input, 1);
	size_t at = (where & 0x8000 ? RECORDS_AT : 0) + (where & 0x7fff) % 2048, length = 1 + (shape & 7);
	const uint8_t *bytes = fuzz_bytes(input, &length);

	if (at + length > JOURNAL_SIZE(capacity))
		return;
	memcpy(journal->bytes + at, bytes, length);
	if (shape & 0x80)
		mend(journal, capacity, at);
}

void fuzz_journal_take(struct fuzz_journal *journal, struct fuzz_input *input)
{
	uint8_t shape = (uint8_t)fuzz_take(input, 1);
	struct journal_header header = {.generation = shape >> 5,
					.capacity = 1 + shape % CAPACITY_USED,
					.id = 1 + (shape >> 4 & 1),
					.name = "guest"};

	_Static_assert(JOURNAL_SIZE(CAPACITY_USED) <= JOURNAL_FILE_MAX, "the largest file fits");
	memset(header.vm, 0x11, sizeof(header.vm));
	memset(header.boot, 0x22, sizeof(header.boot));
	memset(journal, 0, sizeof(*journal));
	journal->size = JOURNAL_SIZE(header.capacity);
	header_encode(&header, journal->bytes);
	header.generation ^= 1;
	header_encode(&header, journal->bytes + HEADER_SIZE);
	while (fuzz_left(input)) {
		uint8_t choice = (uint8_t)fuzz_take(input, 1);

		if (choice < 0x60)
			take_record(journal, input, &header);
		else if (choice < 0xe0)
			take_damage(journal, input, header.capacity);
		else if (choice < 0xf0)
			mark_encode((uint32_t)fuzz_take(input, 1), header.id, journal->bytes + MARK_OFFSET);
		else if (choice < 0xf8)
			journal->size = fuzz_take(input, 2) % JOURNAL_FILE_MAX;
	}
}
