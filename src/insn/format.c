/* SPDX-License-Identifier: BSD-2-Clause */
#include "tables.h"
#include "text.h"

static void reg(struct sv_text *text, char width, unsigned number)
{
	sv_text_char(text, width);
	if (number == 31)
		sv_text_string(text, "zr");
	else
		sv_text_decimal(text, number);
}

static void base(struct sv_text *text, unsigned number)
{
	if (number == 31)
		sv_text_string(text, "sp");
	else
		reg(text, 'x', number);
}

static void immediate(struct sv_text *text, int64_t imm)
{
	sv_text_char(text, '#');
	sv_text_signed(text, imm);
}

/* A byte access says "lsl #0" when S is set: that is another encoding than the plain one. */
static void extend(struct sv_text *text, const struct sv_insn *insn)
{
	static const char *const names[] = {"uxtb", "uxth", "uxtw", "lsl", "sxtb", "sxth", "sxtw", "sxtx"};
	struct sv_field S = sv_a64.layouts[insn->row->layout].S;
	bool shifted = insn->word >> S.shift & S.mask;

	if (insn->option == 3 && !shifted)
		return;
	sv_text_string(text, ", ");
	sv_text_string(text, names[insn->option & 7]);
	if (shifted) {
		sv_text_char(text, ' ');
		immediate(text, insn->amount);
	}
}

/* "{ v0.16b, v1.16b }": all lanes of the registers with their number, or one of them without. */
static void list(struct sv_text *text, const struct sv_insn *insn, bool arrangement)
{
	unsigned bytes = sv_Q(insn->word) ? 16 : 8;

	for (unsigned i = 0; i < insn->row->registers; i++) {
		sv_text_string(text, i ? ", v" : "{ v");
		sv_text_decimal(text, (insn->Rt + i) % 32);
		sv_text_char(text, '.');
		if (arrangement)
			sv_text_decimal(text, bytes / insn->esize);
		sv_text_char(text, " bh s   d"[insn->esize]);
	}
	sv_text_string(text, " }");
}

/*
 * An atomic whose result goes nowhere, and which does not acquire, prints as the store it is an alias of:
 * STADD for LDADD. SWP, CAS and the read-check-write atomics have no such alias.
 */
static bool is_store_alias(const struct sv_insn *insn)
{
	const struct sv_row *row = insn->row;

	return row->iclass == SV_CLASS_ATOMIC && row->op >= SV_OP_ADD && row->op <= SV_OP_UMIN &&
	       row->count == 1 && insn->Rt == 31 && !(row->flags & SV_ROW_ACQUIRE);
}

static void shifted(struct sv_text *text, const struct sv_insn *insn)
{
	reg(text, 'x', insn->Rm);
	if (insn->esize == 1)
		return;
	sv_text_string(text, ", lsl ");
	immediate(text, __builtin_ctz(insn->esize));
}

static void vectors(struct sv_text *text, int64_t imm)
{
	if (!imm)
		return;
	sv_text_string(text, ", ");
	immediate(text, imm);
	sv_text_string(text, ", mul vl");
}

/*
 * A slice of a tile: the larger the elements, the more tiles there are and the fewer slices has each (DDI
 * 0616, "SME tile slices").
 */
static void tile(struct sv_text *text, const struct sv_insn *insn)
{
	unsigned off4 = insn->word & 15, shift = 4 - (unsigned)__builtin_ctz(insn->esize);

	sv_text_string(text, "{za");
	sv_text_decimal(text, off4 >> shift);
	sv_text_char(text, insn->word >> 15 & 1 ? 'v' : 'h');
	sv_text_char(text, '.');
	sv_text_char(text, "bhsdq"[4 - shift]);
	sv_text_string(text, "[w");
	sv_text_decimal(text, 12 + (insn->word >> 13 & 3));
	sv_text_string(text, ", ");
	sv_text_decimal(text, off4 & ((1u << shift) - 1));
	sv_text_string(text, "]}");
}

static void vector(struct sv_text *text, const char *kind, unsigned number)
{
	sv_text_string(text, kind);
	sv_text_decimal(text, number);
}

/* Three or four registers are a range, unless that wraps. */
static void range(struct sv_text *text, const struct sv_insn *insn)
{
	unsigned last = insn->row->registers - 1u, step = insn->Rt + last < 32 ? last : 1;

	for (unsigned i = 0; i <= last; i += step) {
		vector(text, i == 0 ? "{ z" : step > 1 ? " - z" : ", z", (insn->Rt + i) % 32);
		sv_text_char(text, '.');
		sv_text_char(text, "bhsdq"[__builtin_ctz(insn->esize)]);
	}
	sv_text_string(text, " }");
}

/* What SVE and SME add. */
static void scalable(struct sv_text *text, const struct sv_insn *insn, uint8_t operand)
{
	static const uint8_t steps[] = {0, 1, 2, 3, 4, 8, 12};

	switch (operand) {
	case SV_OPERAND_range:
		range(text, insn);
		break;
	case SV_OPERAND_Zn:
		vector(text, "z", insn->Rn);
		break;
	case SV_OPERAND_Zm:
		vector(text, "z", insn->Rm);
		break;
	case SV_OPERAND_Pt:
		vector(text, "p", insn->Rt);
		break;
	case SV_OPERAND_Pg:
		vector(text, "p", insn->Pg);
		break;
	case SV_OPERAND_PNg:
		vector(text, "pn", insn->Pg + 8u);
		break;
	case SV_OPERAND_added:
		if (insn->Rm == 31)
			break;
		sv_text_string(text, ", ");
		reg(text, 'x', insn->Rm);
		break;
	case SV_OPERAND_indexed:
		if (insn->Rm == 31)
			break;
		sv_text_string(text, ", ");
		shifted(text, insn);
		break;
	case SV_OPERAND_shifted:
		shifted(text, insn);
		break;
	case SV_OPERAND_vectors:
		vectors(text, insn->imm);
		break;
	case SV_OPERAND_mod:
		sv_text_string(text, insn->option ? "sxtw" : "uxtw");
		break;
	case SV_OPERAND_Wv:
		reg(text, 'w', 12 + (insn->word >> 13 & 3));
		break;
	case SV_OPERAND_offs:
		sv_text_decimal(text, insn->word & 15);
		break;
	case SV_OPERAND_offsvl:
		vectors(text, insn->word & 15);
		break;
	case SV_OPERAND_tile:
		tile(text, insn);
		break;
	default:
		vector(text, "z", (insn->Rt + steps[operand - SV_OPERAND_Zt0]) % 32);
	}
}

static void operand(struct sv_text *text, const struct sv_insn *insn, uint64_t pc, uint8_t operand)
{
	switch (operand) {
	case SV_OPERAND_Wt:
		reg(text, 'w', insn->Rt);
		break;
	case SV_OPERAND_Xt:
		reg(text, 'x', insn->Rt);
		break;
	case SV_OPERAND_Wt2:
		reg(text, 'w', insn->Rt2);
		break;
	case SV_OPERAND_Xt2:
		reg(text, 'x', insn->Rt2);
		break;
	case SV_OPERAND_Wtn:
		reg(text, 'w', insn->Rt + 1);
		break;
	case SV_OPERAND_Xtn:
		reg(text, 'x', insn->Rt + 1);
		break;
	case SV_OPERAND_Ws:
		reg(text, 'w', insn->Rs);
		break;
	case SV_OPERAND_Xs:
		reg(text, 'x', insn->Rs);
		break;
	case SV_OPERAND_Wsn:
		reg(text, 'w', insn->Rs + 1);
		break;
	case SV_OPERAND_Xsn:
		reg(text, 'x', insn->Rs + 1);
		break;
	case SV_OPERAND_Xn:
		reg(text, 'x', insn->Rn);
		break;
	case SV_OPERAND_XtSP:
		base(text, insn->Rt);
		break;
	case SV_OPERAND_XnSP:
		base(text, insn->Rn);
		break;
	case SV_OPERAND_Vt:
		sv_text_decimal(text, insn->Rt);
		break;
	case SV_OPERAND_Vt2:
		sv_text_decimal(text, insn->Rt2);
		break;
	case SV_OPERAND_Vs:
		sv_text_decimal(text, insn->Rs);
		break;
	case SV_OPERAND_list:
	case SV_OPERAND_lanes:
		list(text, insn, operand == SV_OPERAND_list);
		break;
	case SV_OPERAND_index:
		sv_text_char(text, '[');
		sv_text_decimal(text, insn->index);
		sv_text_char(text, ']');
		break;
	case SV_OPERAND_Rm:
		reg(text, insn->option & 1 ? 'x' : 'w', insn->Rm);
		break;
	case SV_OPERAND_Xm:
		if (insn->Rm == 31)
			immediate(text, insn->imm);
		else
			reg(text, 'x', insn->Rm);
		break;
	case SV_OPERAND_extend:
		extend(text, insn);
		break;
	case SV_OPERAND_offset:
		if (!insn->imm)
			break;
		sv_text_string(text, ", ");
		immediate(text, insn->imm);
		break;
	case SV_OPERAND_imm:
		immediate(text, insn->imm);
		break;
	case SV_OPERAND_label:
		if (pc)
			sv_text_hex(text, pc + insn->imm, 1);
		else
			immediate(text, insn->imm);
		break;
	default:
		if (operand >= SV_OPERAND_Zt0 && operand <= SV_OPERAND_tile)
			scalable(text, insn, operand);
		else
			sv_text_char(text, (char)operand);
	}
}

size_t sv_insn_format(const struct sv_insn *insn, uint64_t pc, char *buffer, size_t size)
{
	const char *mnemonic = sv_a64.mnemonics + insn->row->mnemonic;
	const uint8_t *p = sv_a64.syntax + insn->row->syntax;
	bool alias = is_store_alias(insn);
	struct sv_text text;

	sv_text_begin(&text, buffer, size);
	sv_text_string(&text, alias ? "st" : "");
	sv_text_string(&text, alias ? mnemonic + 2 : mnemonic);
	if (*p != SV_OPERAND_END)
		sv_text_char(&text, ' ');
	for (; *p != SV_OPERAND_END; p++) {
		if (alias && (*p == SV_OPERAND_Wt || *p == SV_OPERAND_Xt))
			p += 2; /* and the comma after it */
		else
			operand(&text, insn, pc, *p);
	}
	return sv_text_end(&text);
}
