/* SPDX-License-Identifier: BSD-2-Clause */
#include "text.h"

void sv_text_begin(struct sv_text *text, char *buffer, size_t size)
{
	text->buffer = buffer;
	text->size = size;
	text->length = 0;
}

void sv_text_char(struct sv_text *text, char c)
{
	if (text->length < text->size)
		text->buffer[text->length] = c;
	text->length++;
}

void sv_text_string(struct sv_text *text, const char *string)
{
	while (*string)
		sv_text_char(text, *string++);
}

static void number(struct sv_text *text, uint64_t value, unsigned base, unsigned least)
{
	char digits[20]; /* 2^64 - 1 in decimal */
	unsigned count = 0;

	do {
		digits[count++] = "0123456789abcdef"[value % base];
		value /= base;
	} while (value);
	for (; least > count; least--)
		sv_text_char(text, '0');
	while (count)
		sv_text_char(text, digits[--count]);
}

void sv_text_hex(struct sv_text *text, uint64_t value, unsigned digits)
{
	sv_text_string(text, "0x");
	number(text, value, 16, digits);
}

void sv_text_decimal(struct sv_text *text, uint64_t value)
{
	number(text, value, 10, 1);
}

void sv_text_signed(struct sv_text *text, int64_t value)
{
	if (value < 0)
		sv_text_char(text, '-');
	number(text, value < 0 ? -(uint64_t)value : (uint64_t)value, 10, 1);
}

size_t sv_text_end(struct sv_text *text)
{
	if (text->size)
		text->buffer[text->length < text->size ? text->length : text->size - 1] = 0;
	return text->length;
}
