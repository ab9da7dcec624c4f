/* SPDX-License-Identifier: BSD-2-Clause */
#include <errno.h>
#include <string.h>

#include "filter.h"

/* The registers and the scratch memory of net/core/filter.c's machine. */
struct machine {
	uint32_t a, x, m[BPF_MEMWORDS];
};

static bool load(struct machine *machine, const struct sock_filter *insn, const struct seccomp_data *call)
{
	uint32_t value = 0;

	switch (BPF_MODE(insn->code)) {
	case BPF_IMM:
		value = insn->k;
		break;
	case BPF_MEM:
		if (insn->k >= BPF_MEMWORDS)
			return false;
		value = machine->m[insn->k];
		break;
	case BPF_LEN:
		value = sizeof(*call);
		break;
	case BPF_ABS:
		if (BPF_CLASS(insn->code) != BPF_LD || insn->k % 4 || insn->k >= sizeof(*call))
			return false;
		memcpy(&value, (const uint8_t *)call + insn->k, sizeof(value));
		break;
	default:
		return false;
	}
	if (BPF_SIZE(insn->code) != BPF_W)
		return false;
	*(BPF_CLASS(insn->code) == BPF_LD ? &machine->a : &machine->x) = value;
	return true;
}

/* 1: done; 0: the filter ends with 0, as on a division by X = 0; -1: no such instruction. */
static int compute(struct machine *machine, const struct sock_filter *insn)
{
	bool by_x = BPF_SRC(insn->code) == BPF_X;
	uint32_t operand = by_x ? machine->x : insn->k;

	switch (BPF_OP(insn->code)) {
	case BPF_ADD:
		machine->a += operand;
		return 1;
	case BPF_SUB:
		machine->a -= operand;
		return 1;
	case BPF_MUL:
		machine->a *= operand;
		return 1;
	case BPF_DIV:
		if (!operand)
			return by_x ? 0 : -1;
		machine->a /= operand;
		return 1;
	case BPF_AND:
		machine->a &= operand;
		return 1;
	case BPF_OR:
		machine->a |= operand;
		return 1;
	case BPF_XOR:
		machine->a ^= operand;
		return 1;
	case BPF_LSH:
	case BPF_RSH:
		if (!by_x && operand >= 32)
			return -1;
		machine->a = BPF_OP(insn->code) == BPF_LSH ? machine->a << (operand & 31)
							   : machine->a >> (operand & 31);
		return 1;
	case BPF_NEG:
		machine->a = -machine->a;
		return 1;
	default: /* seccomp takes no BPF_MOD */
		return -1;
	}
}

/* How many instructions to skip, or -1. */
static int64_t jump(const struct machine *machine, const struct sock_filter *insn)
{
	uint32_t operand = BPF_SRC(insn->code) == BPF_X ? machine->x : insn->k;

	switch (BPF_OP(insn->code)) {
	case BPF_JA:
		return insn->k;
	case BPF_JEQ:
		return machine->a == operand ? insn->jt : insn->jf;
	case BPF_JGT:
		return machine->a > operand ? insn->jt : insn->jf;
	case BPF_JGE:
		return machine->a >= operand ? insn->jt : insn->jf;
	case BPF_JSET:
		return machine->a & operand ? insn->jt : insn->jf;
	default:
		return -1;
	}
}

/* One instruction that neither jumps nor returns: as compute. */
static int step(struct machine *machine, const struct sock_filter *insn, const struct seccomp_data *call)
{
	switch (BPF_CLASS(insn->code)) {
	case BPF_LD:
	case BPF_LDX:
		return load(machine, insn, call) ? 1 : -1;
	case BPF_ST:
	case BPF_STX:
		if (insn->k >= BPF_MEMWORDS)
			return -1;
		machine->m[insn->k] = BPF_CLASS(insn->code) == BPF_ST ? machine->a : machine->x;
		return 1;
	case BPF_ALU:
		return compute(machine, insn);
	case BPF_MISC:
		if (BPF_MISCOP(insn->code) == BPF_TAX)
			machine->x = machine->a;
		else
			machine->a = machine->x;
		return 1;
	default:
		return -1;
	}
}

bool filter_run(const struct sock_filter *program, size_t count, const struct seccomp_data *call,
		uint32_t *action)
{
	struct machine machine = {0};

	/* Jumps go forward only, so this ends. */
	for (size_t pc = 0; pc < count; pc++) {
		const struct sock_filter *insn = &program[pc];
		int64_t skip;

		switch (BPF_CLASS(insn->code)) {
		case BPF_RET:
			*action = BPF_RVAL(insn->code) == BPF_A ? machine.a : insn->k;
			return true;
		case BPF_JMP:
			skip = jump(&machine, insn);
			if (skip < 0 || (uint64_t)skip >= count - pc - 1)
				return false;
			pc += (size_t)skip;
			break;
		default:
			switch (step(&machine, insn, call)) {
			case 0:
				*action = 0;
				return true;
			case -1:
				return false;
			}
		}
	}
	return false;
}

uint32_t filter_stricter(uint32_t a, uint32_t b)
{
	/* The kernel compares actions as signed numbers: SECCOMP_RET_KILL_PROCESS is the least. */
	return (int32_t)(b & SECCOMP_RET_ACTION_FULL) < (int32_t)(a & SECCOMP_RET_ACTION_FULL) ? b : a;
}

bool filter_allows(uint32_t action)
{
	action &= SECCOMP_RET_ACTION_FULL;
	return action == SECCOMP_RET_ALLOW || action == SECCOMP_RET_LOG;
}

const char *filter_answer(uint32_t action)
{
	const char *name = strerrorname_np((int)(action & SECCOMP_RET_DATA));

	switch (action & SECCOMP_RET_ACTION_FULL) {
	case SECCOMP_RET_ALLOW:
	case SECCOMP_RET_LOG:
		return "is allowed";
	case SECCOMP_RET_TRACE:
	case SECCOMP_RET_USER_NOTIF:
		return "is for another process to decide";
	case SECCOMP_RET_ERRNO:
		return name ? name : "an error";
	case SECCOMP_RET_TRAP:
		return "SIGSYS";
	case SECCOMP_RET_KILL_THREAD:
		return "the end of the thread";
	default: /* the kernel, too, takes what it does not know for SECCOMP_RET_KILL_PROCESS */
		return "the end of the process";
	}
}
