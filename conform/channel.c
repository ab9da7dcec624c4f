/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The host's end of the channel. What the guest writes is not trusted: addresses and formats may be anything.
 */
#include <inttypes.h>
#include <stdarg.h>
#include <string.h>

#include "case.h"

/* A string of the guest's, ended within its RAM and of some length at most; NULL if it is not one. */
static const char *guest_string(const struct conform *conform, uint64_t address)
{
	const struct conform_region *ram = &conform->regions[REGION_RAM];
	uint64_t offset = address - ram->first, room;

	if (address < ram->first || offset >= ram->size)
		return NULL;
	room = ram->size - offset;
	if (room > CONFORM_TEXT)
		room = CONFORM_TEXT;
	return memchr(ram->host + offset, 0, room) ? (const char *)ram->host + offset : NULL;
}

struct text {
	char *at;
	size_t room; /* with the 0 */
};

static void append(struct text *text, const char *format, ...)
{
	va_list ap;
	int length;

	va_start(ap, format);
	length = vsnprintf(text->at, text->room, format, ap);
	va_end(ap);
	if ((size_t)length >= text->room)
		length = (int)text->room - 1;
	text->at += length;
	text->room -= (size_t)length;
}

static bool convert(const struct conform *conform, char conversion, uint64_t value, struct text *text)
{
	char address[CONFORM_ADDRESS];
	const char *string;

	switch (conversion) {
	case 'x':
		append(text, "0x%" PRIx64, value);
		return true;
	case 'd':
		append(text, "%" PRId64, (int64_t)value);
		return true;
	case 'p':
		append(text, "%s", conform_address(conform, value, address));
		return true;
	case 's':
		string = guest_string(conform, value);
		if (string)
			append(text, "%s", string);
		return string;
	default:
		return false;
	}
}

static enum conform_told print(const struct conform *conform, uint64_t address, char line[CONFORM_TEXT])
{
	const char *format = guest_string(conform, address);
	struct text text = {.at = line, .room = CONFORM_TEXT};
	unsigned used = 0;

	if (!format) {
		append(&text, "the guest prints from an address that has no string: 0x%" PRIx64, address);
		return TOLD_FAILED;
	}
	for (const char *p = format; *p; p++) {
		if (*p != '%') {
			append(&text, "%c", *p);
			continue;
		}
		p++;
		if (used >= CHANNEL_ARGUMENTS || !convert(conform, *p, conform->argument[used++], &text)) {
			snprintf(line, CONFORM_TEXT, "the guest's format cannot be followed: %s", format);
			return TOLD_FAILED;
		}
	}
	return TOLD_NOTHING;
}

static enum conform_told reason(const struct conform *conform, uint64_t address, enum conform_told told,
				char text[CONFORM_TEXT])
{
	const char *string = guest_string(conform, address);

	snprintf(text, CONFORM_TEXT, "%s", string ? string : "for a reason that the guest has no string for");
	return told;
}

static enum conform_told compare(const struct conform *conform, uint64_t address, char text[CONFORM_TEXT])
{
	const char *what = guest_string(conform, address);

	if (conform->argument[0] == conform->argument[1])
		return TOLD_NOTHING;
	snprintf(text, CONFORM_TEXT, "line %" PRIu64 " of the guest: %s is 0x%" PRIx64 ", not 0x%" PRIx64,
		 conform->argument[2], what ? what : "?", conform->argument[0], conform->argument[1]);
	return TOLD_FAILED;
}

static enum conform_told written(struct conform *conform, uint64_t offset, uint64_t value,
				 char text[CONFORM_TEXT])
{
	if (offset < CHANNEL_ARGUMENT + 8 * CHANNEL_ARGUMENTS) {
		conform->argument[(offset - CHANNEL_ARGUMENT) / 8] = value;
		return TOLD_NOTHING;
	}
	switch (offset) {
	case CHANNEL_PRINT:
		return print(conform, value, text);
	case CHANNEL_ASSERT:
		return compare(conform, value, text);
	case CHANNEL_SYNC:
		conform->sync = value;
		return TOLD_SYNC;
	case CHANNEL_DONE:
		return TOLD_DONE;
	case CHANNEL_SKIP:
		return reason(conform, value, TOLD_SKIP, text);
	case CHANNEL_MARK:
		conform->mark = value;
		return TOLD_NOTHING;
	}
	snprintf(text, CONFORM_TEXT, "the guest wrote to the channel at 0x%" PRIx64 ", where nothing is",
		 offset);
	return TOLD_FAILED;
}

enum conform_told conform_channel(struct conform *conform, uint64_t offset, unsigned size, bool write,
				  uint8_t data[8], char text[CONFORM_TEXT])
{
	uint64_t value, index = (offset - CHANNEL_PARAMETER) / 8;

	text[0] = 0;
	if (size != 8 || offset % 8) {
		snprintf(text, CONFORM_TEXT, "the guest accessed %u bytes of the channel at 0x%" PRIx64, size,
			 offset);
		return TOLD_FAILED;
	}
	if (write) {
		memcpy(&value, data, sizeof(value));
		return written(conform, offset, value, text);
	}
	if (offset < CHANNEL_PARAMETER || index >= CHANNEL_PARAMETERS) {
		snprintf(text, CONFORM_TEXT, "the guest read the channel at 0x%" PRIx64 ", where nothing is",
			 offset);
		return TOLD_FAILED;
	}
	memcpy(data, &conform->parameter[index], sizeof(value));
	return TOLD_NOTHING;
}
