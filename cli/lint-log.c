/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * QEMU's log, of "int" and of the accesses that its memory layer refuses ("invalid_mem", before QEMU 8.0
 * "guest_errors"). A plugin is not told of an access that ends in an exception; the log is:
 *
 *	Invalid write at addr 0xB000008, size 4, region '(null)', reason: rejected
 *	Taking exception 4 [Data Abort] on CPU 0
 *	...from EL1 to EL1
 *	...with ESR 0x25/0x96000050
 *	...with FAR 0xb000008
 *	...with ELR 0x40080010
 *	...to EL1 PC 0x40080a00 PSTATE 0x3c5
 *
 * The lines of one exception are together: QEMU holds a lock over them. What comes before it may be another
 * vCPU's, so it is compared with the FAR.
 */
#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "lint.h"

enum { SEEN_LEVEL = 1, SEEN_ESR = 2, SEEN_FAR = 4, SEEN_ELR = 8, SEEN_ALL = 15 };

/* ESR_ELx (DDI 0487, D24.2). */
#define EC(esr)        ((esr) >> 26 & 0x3f)
#define EC_ABORT_LOWER 0x24
#define EC_ABORT_SAME  0x25
#define FSC(esr)       ((esr)&0x3f)
#define FSC_EXTERNAL   0x10
#define ESR_WNR        (UINT64_C(1) << 6)
#define ESR_FNV        (UINT64_C(1) << 10)
#define PAGE_OFFSET    0xfff

bool lint_log_init(struct lint_log *log, const struct lint_report *report)
{
	*log = (struct lint_log){.report = report, .list = calloc(LINT_ABORTS, sizeof(*log->list))};
	return log->list;
}

void lint_log_free(struct lint_log *log)
{
	free(log->list);
	log->list = NULL;
}

/* An instruction may walk over a page; without one, the address is all there is. */
static bool same(const struct lint_abort *a, const struct lint_abort *b)
{
	uint64_t part = a->has_pc ? ~(uint64_t)PAGE_OFFSET : UINT64_MAX;

	return a->has_pc == b->has_pc && a->pc == b->pc && a->write == b->write && a->hole == b->hole &&
	       a->level == b->level && a->has_word == b->has_word && a->word == b->word &&
	       a->has_address == b->has_address && !((a->address ^ b->address) & part) &&
	       !strcmp(a->name, b->name);
}

static void add(struct lint_log *log, struct lint_abort *abort)
{
	if (log->report && abort->has_pc)
		abort->has_word = lint_insn_find(log->report, abort->pc, &abort->word);
	for (size_t i = 0; i < log->count; i++) {
		if (same(&log->list[i], abort)) {
			log->list[i].count++;
			return;
		}
	}
	if (log->count == LINT_ABORTS) {
		log->dropped++;
		return;
	}
	abort->count = 1;
	log->list[log->count++] = *abort;
}

/* Nobody took an exception for it: the board lets such accesses pass. */
static void let_pass(struct lint_log *log, const struct lint_invalid *invalid)
{
	struct lint_abort abort = {
		.hole = true, .has_address = true, .write = invalid->write, .address = invalid->address};

	if (!*invalid->name)
		add(log, &abort);
}

static void forget(struct lint_log *log, size_t index)
{
	memmove(&log->pending[index], &log->pending[index + 1],
		(--log->pending_count - index) * sizeof(*log->pending));
}

/* Where several regions share a page it is said twice: of the address, then of its offset in the page. */
static bool is_repeated(const struct lint_log *log, const struct lint_invalid *invalid)
{
	const struct lint_invalid *last;

	if (!log->pending_count || *invalid->name || invalid->address > PAGE_OFFSET)
		return false;
	last = &log->pending[log->pending_count - 1];
	return !*last->name && last->write == invalid->write &&
	       (last->address & PAGE_OFFSET) == invalid->address;
}

static void expect(struct lint_log *log, const struct lint_invalid *invalid)
{
	if (is_repeated(log, invalid))
		return;
	if (log->pending_count == LINT_PENDING) {
		let_pass(log, &log->pending[0]);
		forget(log, 0);
	}
	log->pending[log->pending_count++] = *invalid;
}

/* What the exception was taken for, the latest first. -1 if none fits. */
static int reason(const struct lint_log *log)
{
	for (size_t i = log->pending_count; i-- > 0;) {
		const struct lint_invalid *invalid = &log->pending[i];

		if (*invalid->name || log->esr & ESR_FNV || !((invalid->address ^ log->far) & PAGE_OFFSET))
			return (int)i;
	}
	return -1;
}

static void exception(struct lint_log *log)
{
	struct lint_abort abort = {.has_pc = true, .pc = log->elr, .va = log->far, .level = log->level};
	bool external = log->seen == SEEN_ALL && FSC(log->esr) == FSC_EXTERNAL;
	int index = external ? reason(log) : -1;

	abort.write = log->esr & ESR_WNR;
	if (index >= 0) {
		const struct lint_invalid *invalid = &log->pending[index];

		memcpy(abort.name, invalid->name, sizeof(abort.name));
		abort.hole = !*invalid->name;
		abort.has_address = abort.hole;
		abort.address = invalid->address;
	}
	if (external && log->data && (EC(log->esr) == EC_ABORT_LOWER || EC(log->esr) == EC_ABORT_SAME))
		add(log, &abort);
	if (index >= 0)
		forget(log, (size_t)index);
	log->data = log->fetch = false;
	log->seen = 0;
}

/* The number behind text at the beginning of the line; false if it does not begin so. */
static bool value(const char *line, const char *text, int base, uint64_t *number)
{
	size_t length = strlen(text);
	char *end;

	if (strncmp(line, text, length) || !isxdigit((unsigned char)line[length]))
		return false;
	*number = strtoull(line + length, &end, base);
	return end != line + length;
}

static bool parse_invalid(const char *line, struct lint_invalid *invalid)
{
	static const char none[] = "(null)";
	const char *name, *end;
	size_t length;

	*invalid = (struct lint_invalid){0};
	invalid->write = !strncmp(line, "Invalid write", 13);
	if (!value(line, invalid->write ? "Invalid write at addr 0x" : "Invalid read at addr 0x", 16,
		   &invalid->address))
		return false;
	name = strstr(line, "region '");
	end = name ? strchr(name + 8, '\'') : NULL;
	if (!end)
		return false;
	name += 8;
	if (!strncmp(name, none, sizeof(none) - 1))
		return true;
	for (length = 0; name + length < end && length < LINT_NAME - 1; length++)
		invalid->name[length] = isprint((unsigned char)name[length]) ? name[length] : '?';
	return true;
}

static void line(struct lint_log *log, const char *text)
{
	struct lint_invalid invalid;
	uint64_t number;
	const char *at;

	if (parse_invalid(text, &invalid)) {
		expect(log, &invalid);
	} else if (!strncmp(text, "Taking exception ", 17)) {
		log->data = strstr(text, "[Data Abort]");
		log->fetch = strstr(text, "[Prefetch Abort]");
		log->seen = 0;
	} else if (!log->data && !log->fetch) {
		return;
	} else if (value(text, "...from EL", 10, &number)) {
		log->level = number & 3;
		log->seen |= SEEN_LEVEL;
	} else if (!strncmp(text, "...with ESR ", 12) && (at = strchr(text, '/'))) {
		log->esr = strtoull(at + 1, NULL, 16);
		log->seen |= SEEN_ESR;
	} else if (value(text, "...with FAR 0x", 16, &log->far)) {
		log->seen |= SEEN_FAR;
	} else if (value(text, "...with ELR 0x", 16, &log->elr)) {
		log->seen |= SEEN_ELR;
	} else if (!strncmp(text, "...to EL", 8)) {
		exception(log);
	}
}

void lint_log_feed(struct lint_log *log, const char *bytes, size_t length)
{
	for (size_t i = 0; i < length; i++) {
		if (bytes[i] != '\n') {
			/* What is too long is no line that we know, or has its end cut. */
			if (log->length < sizeof(log->line) - 1)
				log->line[log->length++] = bytes[i] ? bytes[i] : '?';
			continue;
		}
		log->line[log->length] = 0;
		log->length = 0;
		line(log, log->line);
	}
}

void lint_log_end(struct lint_log *log)
{
	lint_log_feed(log, "\n", 1);
	for (size_t i = 0; i < log->pending_count; i++)
		let_pass(log, &log->pending[i]);
	log->pending_count = 0;
}
