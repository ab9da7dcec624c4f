/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What is worked out of a word when it is decoded: its immediate or shift, by the fields it is made of. False: these
 * values are reserved, the word is UNDEFINED. Private.
 */
#ifndef SOFTKVM_PREPARE_H
#define SOFTKVM_PREPARE_H

#include "model.h"

typedef bool soft_prepare(uint32_t word, struct soft_op *op);

soft_prepare soft_prepare_nothing, soft_prepare_imm12, soft_prepare_wide, soft_prepare_bitmask32,
	soft_prepare_bitmask64, soft_prepare_adr, soft_prepare_page, soft_prepare_imm14, soft_prepare_imm19,
	soft_prepare_imm26, soft_prepare_shifted, soft_prepare_shifted_add, soft_prepare_extended,
	soft_prepare_modified, soft_prepare_float;

#endif
