/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Writing text into a caller's buffer, without libc. What does not fit is cut but still counted, as
 * snprintf does, so one return value tells both the length and whether there was a cut. buffer may be NULL
 * if size is 0.
 */
#ifndef SALVAGE_TEXT_H
#define SALVAGE_TEXT_H

#include <stddef.h>
#include <stdint.h>

struct sv_text {
	char *buffer;
	size_t size;
	size_t length; /* written so far, had there been room */
};

void sv_text_begin(struct sv_text *text, char *buffer, size_t size);

void sv_text_char(struct sv_text *text, char c);

void sv_text_string(struct sv_text *text, const char *string);

/* "0x" and at least digits hexadecimal digits. */
void sv_text_hex(struct sv_text *text, uint64_t value, unsigned digits);

void sv_text_decimal(struct sv_text *text, uint64_t value);

void sv_text_signed(struct sv_text *text, int64_t value);

/* Ends the text with a NUL, if size is not 0; returns its length before any cut. */
size_t sv_text_end(struct sv_text *text);

#endif
