/* SPDX-License-Identifier: BSD-2-Clause */
#include "prepare.h"

static unsigned bits(uint32_t word, unsigned at, unsigned width)
{
	return word >> at & ((1u << width) - 1);
}

static uint64_t signed_bits(uint32_t word, unsigned at, unsigned width)
{
	return (uint64_t)((int64_t)((uint64_t)word << (64 - at - width)) >> (64 - width));
}

bool soft_prepare_nothing(uint32_t word, struct soft_op *op)
{
	return true;
}

bool soft_prepare_imm12(uint32_t word, struct soft_op *op)
{
	op->imm = (uint64_t)bits(word, 10, 12) << 12 * bits(word, 22, 1);
	return true;
}

bool soft_prepare_wide(uint32_t word, struct soft_op *op)
{
	op->imm = (uint64_t)bits(word, 5, 16) << 16 * bits(word, 21, 2);
	return true;
}

/* DecodeBitMasks of the shared pseudocode: a run of ones, rotated, in an element that is then replicated. */
static bool bitmask(uint32_t word, struct soft_op *op)
{
	unsigned immr = bits(word, 16, 6), imms = bits(word, 10, 6);
	unsigned length = bits(word, 22, 1) << 6 | (~imms & 0x3f), size, ones, rotation;
	uint64_t element, all;

	if (length < 2)
		return false;
	size = 1u << (31 - __builtin_clz(length));
	ones = (imms & (size - 1)) + 1;
	rotation = immr & (size - 1);
	if (ones == size)
		return false;
	all = ~UINT64_C(0) >> (64 - size);
	element = (UINT64_C(1) << ones) - 1;
	if (rotation)
		element = (element >> rotation | element << (size - rotation)) & all;
	for (; size < 64; size *= 2)
		element |= element << size;
	op->imm = element;
	return true;
}

bool soft_prepare_bitmask64(uint32_t word, struct soft_op *op)
{
	return bitmask(word, op);
}

bool soft_prepare_bitmask32(uint32_t word, struct soft_op *op)
{
	bool good = bitmask(word, op);

	op->imm = (uint32_t)op->imm;
	return good;
}

bool soft_prepare_adr(uint32_t word, struct soft_op *op)
{
	op->imm = signed_bits(word, 5, 19) << 2 | bits(word, 29, 2);
	return true;
}

bool soft_prepare_page(uint32_t word, struct soft_op *op)
{
	soft_prepare_adr(word, op);
	op->imm <<= 12;
	return true;
}

bool soft_prepare_imm14(uint32_t word, struct soft_op *op)
{
	op->imm = signed_bits(word, 5, 14) << 2;
	return true;
}

bool soft_prepare_imm19(uint32_t word, struct soft_op *op)
{
	op->imm = signed_bits(word, 5, 19) << 2;
	return true;
}

bool soft_prepare_imm26(uint32_t word, struct soft_op *op)
{
	op->imm = signed_bits(word, 0, 26) << 2;
	return true;
}

bool soft_prepare_shifted(uint32_t word, struct soft_op *op)
{
	op->shift = (uint8_t)bits(word, 22, 2);
	op->amount = (uint8_t)bits(word, 10, 6);
	return true;
}

/* No ROR. */
bool soft_prepare_shifted_add(uint32_t word, struct soft_op *op)
{
	return soft_prepare_shifted(word, op) && op->shift != 3;
}

bool soft_prepare_extended(uint32_t word, struct soft_op *op)
{
	op->shift = (uint8_t)bits(word, 13, 3);
	op->amount = (uint8_t)bits(word, 10, 3);
	return op->amount <= 4;
}

static uint64_t replicated(uint64_t value, unsigned size)
{
	for (; size < 64; size *= 2)
		value |= value << size;
	return value;
}

/* VFPExpandImm: a sign, an exponent of three bits and four bits of fraction. */
static uint64_t expanded_float(unsigned imm8, unsigned exponent, unsigned fraction)
{
	uint64_t sign = imm8 >> 7, high = imm8 >> 6 & 1;
	uint64_t exp = (high ^ 1) << (exponent - 1) | (high ? (UINT64_C(1) << (exponent - 3)) - 1 : 0) << 2 |
		       (imm8 >> 4 & 3);

	return sign << (exponent + fraction) | exp << fraction | (uint64_t)(imm8 & 15) << (fraction - 4);
}

/* AdvSIMDExpandImm, and the NOT of MVNI. */
bool soft_prepare_modified(uint32_t word, struct soft_op *op)
{
	unsigned cmode = bits(word, 12, 4), inverted = bits(word, 29, 1);
	uint64_t imm8 = bits(word, 16, 3) << 5 | bits(word, 5, 5), imm = 0;

	if (cmode < 8) {
		imm = replicated(imm8 << 8 * (cmode >> 1), 32);
	} else if (cmode < 12) {
		imm = replicated(imm8 << 8 * (cmode >> 1 & 1), 16);
	} else if (cmode < 14) {
		imm = replicated(cmode & 1 ? imm8 << 16 | 0xffff : imm8 << 8 | 0xff, 32);
	} else if (cmode == 14 && !inverted) {
		imm = replicated(imm8, 8);
	} else if (cmode == 14) {
		for (unsigned i = 0; i < 8; i++)
			imm |= imm8 >> i & 1 ? UINT64_C(0xff) << 8 * i : 0;
	} else {
		imm = inverted ? expanded_float((unsigned)imm8, 11, 52)
			       : replicated(expanded_float((unsigned)imm8, 8, 23), 32);
	}
	/* BIC, with an odd cmode below 12, inverts it itself. */
	op->imm = inverted && cmode < 14 && (cmode >= 12 || !(cmode & 1)) ? ~imm : imm;
	return true;
}

bool soft_prepare_float(uint32_t word, struct soft_op *op)
{
	unsigned imm8 = bits(word, 13, 8);

	op->imm = bits(word, 22, 1) ? expanded_float(imm8, 11, 52) : expanded_float(imm8, 8, 23);
	return true;
}
