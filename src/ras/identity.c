/* SPDX-License-Identifier: BSD-2-Clause */
/* Who a VM is: a UUID, or a name of which one is made that is the same at every start. */
#include <string.h>

#include <salvage/ras.h>

static int digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	if (c >= 'A' && c <= 'F')
		return c - 'A' + 10;
	return -1;
}

static bool has_dash(unsigned byte)
{
	return byte == 4 || byte == 6 || byte == 8 || byte == 10;
}

static bool parse(const char *text, uint8_t id[16])
{
	for (unsigned i = 0; i < 16; i++) {
		int high, low;

		if (has_dash(i) && *text++ != '-')
			return false;
		high = digit(text[0]);
		low = high < 0 ? -1 : digit(text[1]);
		if (low < 0)
			return false;
		id[i] = (uint8_t)(high << 4 | low);
		text += 2;
	}
	return !*text;
}

/*
 * FNV-1a with 128 bits in a version 8 UUID (RFC 9562, 5.8), which is there for schemes of one's own. Names
 * are the operator's, so nobody has a reason to look for collisions.
 */
static void derive(const char *name, uint8_t id[16])
{
	const unsigned __int128 prime = (unsigned __int128)1 << 88 | 0x13b;
	unsigned __int128 hash =
		(unsigned __int128)UINT64_C(0x6c62272e07bb0142) << 64 | UINT64_C(0x62b821756295c58d);

	for (; *name; name++)
		hash = (hash ^ (uint8_t)*name) * prime;
	for (unsigned i = 0; i < 16; i++)
		id[i] = (uint8_t)(hash >> (120 - 8 * i));
	id[6] = (id[6] & 0x0f) | 0x80;
	id[8] = (id[8] & 0x3f) | 0x80;
}

enum sv_status sv_ras_vm_id(const char *text, uint8_t id[16])
{
	uint8_t parsed[16];

	if (!*text || strnlen(text, SV_RAS_NAME) == SV_RAS_NAME)
		return SV_MALFORMED;
	if (parse(text, parsed))
		memcpy(id, parsed, 16);
	else
		derive(text, id);
	return SV_OK;
}

void sv_ras_id_text(const uint8_t id[16], char text[37])
{
	static const char digits[] = "0123456789abcdef";

	for (unsigned i = 0; i < 16; i++) {
		if (has_dash(i))
			*text++ = '-';
		*text++ = digits[id[i] >> 4];
		*text++ = digits[id[i] & 15];
	}
	*text = 0;
}
