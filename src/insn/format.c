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

size_t sv_insn_format(const struct sv_insn *insn, uint64_t pc, char *buffer, size_t size)
{
	struct sv_text text;

	sv_text_begin(&text, buffer, size);
	sv_text_string(&text, sv_a64.mnemonics + insn->row->mnemonic);
	sv_text_char(&text, ' ');
	for (const uint8_t *p = sv_a64.syntax + insn->row->syntax; *p != SV_OPERAND_END; p++) {
		switch (*p) {
		case SV_OPERAND_Wt:
			reg(&text, 'w', insn->Rt);
			break;
		case SV_OPERAND_Xt:
			reg(&text, 'x', insn->Rt);
			break;
		case SV_OPERAND_Wt2:
			reg(&text, 'w', insn->Rt2);
			break;
		case SV_OPERAND_Xt2:
			reg(&text, 'x', insn->Rt2);
			break;
		case SV_OPERAND_XnSP:
			base(&text, insn->Rn);
			break;
		case SV_OPERAND_Rm:
			reg(&text, insn->option & 1 ? 'x' : 'w', insn->Rm);
			break;
		case SV_OPERAND_extend:
			extend(&text, insn);
			break;
		case SV_OPERAND_offset:
			if (!insn->imm)
				break;
			sv_text_string(&text, ", ");
			immediate(&text, insn->imm);
			break;
		case SV_OPERAND_imm:
			immediate(&text, insn->imm);
			break;
		case SV_OPERAND_label:
			if (pc)
				sv_text_hex(&text, pc + insn->imm, 1);
			else
				immediate(&text, insn->imm);
			break;
		default:
			sv_text_char(&text, *p);
		}
	}
	return sv_text_end(&text);
}
