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
		sv_text_char(text, operand);
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
