/* SPDX-License-Identifier: BSD-2-Clause */
/* KVM_EXIT_MMIO: Documentation/virt/kvm/api.rst, and KVM's completion of it (arch/arm64/kvm/mmio.c). */
#include "../case.h"

/* The exit comes before anything has changed; the next KVM_RUN completes it first. */
static void completed(struct conform *conform)
{
	conform_start(conform);
	conform_until(conform, CONFORM_EXIT);
	conform_say_pc(conform);
	conform_answer(conform);
	conform_complete(conform);
	conform_say_pc(conform);
	conform_complete(conform);
	conform_say_pc(conform);
	conform_drive(conform);
}

static void pc_moved(struct conform *conform)
{
	conform_start(conform);
	conform_until(conform, CONFORM_EXIT);
	conform_answer(conform);
	conform_set(conform, CONFORM_PC, conform->mark + 0x20);
	conform_complete(conform);
	conform_say_pc(conform);
}

static void immediate_first(struct conform *conform)
{
	conform_start(conform);
	conform_complete(conform);
	conform_say_pc(conform);
	conform_drive(conform);
}

static void debug(struct conform *conform, uint32_t control)
{
	struct sv_kvm_guest_debug debug = {.control = control};
	int rc = conform_vcpu_ioctl(conform, SV_KVM_SET_GUEST_DEBUG, &debug);

	if (rc < 0)
		conform_die(conform, "KVM_SET_GUEST_DEBUG: %s", conform_errno(-rc));
}

static void stepped(struct conform *conform)
{
	conform_start(conform);
	conform_until(conform, CONFORM_SYNC);
	debug(conform, SV_KVM_GUESTDBG_ENABLE | SV_KVM_GUESTDBG_SINGLESTEP);
	for (unsigned i = 0; i < 5; i++) {
		conform_until(conform, CONFORM_EXIT);
		conform_answer(conform);
	}
	debug(conform, 0);
	conform_drive(conform);
}

static const struct conform_case rows[] = {
	{.name = "mmio_loads",
	 .summary = "loads of every size are zero-extended",
	 .expected = "mmio read 1 at hole\n"
		     "ldrb w0 0x88\n"
		     "mmio read 2 at hole\n"
		     "ldrh w0 0x9788\n"
		     "mmio read 4 at hole\n"
		     "ldr w0 0xb5a69788\n"
		     "mmio read 8 at hole\n"
		     "ldr x0 0xf1e2d3c4b5a69788\n"
		     "done\n"},
	{.name = "mmio_signed_loads",
	 .summary = "signed loads fill their register and no more",
	 .expected = "mmio read 1 at hole\n"
		     "[signed-mmio=extended] ldrsb w0 0xffffff88\n"
		     "[signed-mmio=zeroed] ldrsb w0 0x88\n"
		     "mmio read 1 at hole\n"
		     "[signed-mmio=extended] ldrsb x0 0xffffffffffffff88\n"
		     "[signed-mmio=zeroed] ldrsb x0 0x88\n"
		     "mmio read 2 at hole\n"
		     "[signed-mmio=extended] ldrsh w0 0xffff9788\n"
		     "[signed-mmio=zeroed] ldrsh w0 0x9788\n"
		     "mmio read 2 at hole\n"
		     "[signed-mmio=extended] ldrsh x0 0xffffffffffff9788\n"
		     "[signed-mmio=zeroed] ldrsh x0 0x9788\n"
		     "mmio read 4 at hole\n"
		     "[signed-mmio=extended] ldrsw x0 0xffffffffb5a69788\n"
		     "[signed-mmio=zeroed] ldrsw x0 0xb5a69788\n"
		     "done\n"},
	{.name = "mmio_stores",
	 .summary = "stores of every size, and of the zero register",
	 .expected = "mmio write 1 at hole+0x1: 11\n"
		     "mmio write 2 at hole+0x2: 11 22\n"
		     "mmio write 4 at hole+0x4: 11 22 33 44\n"
		     "mmio write 8 at hole+0x8: 11 22 33 44 55 66 77 88\n"
		     "mmio write 4 at hole: 00 00 00 00\n"
		     "mmio write 8 at hole: 00 00 00 00 00 00 00 00\n"
		     "done\n"},
	{.name = "mmio_zero_register",
	 .summary = "loads to the zero register exit, and write nothing",
	 .expected = "mmio read 4 at hole\n"
		     "mmio read 8 at hole+0x8\n"
		     "over\n"
		     "done\n"},
	{.name = "mmio_ordered",
	 .summary = "acquire and release forms are described as well",
	 .expected = "mmio read 4 at hole\n"
		     "ldar w0 0xb5a69788\n"
		     "mmio read 1 at hole\n"
		     "ldarb w0 0x88\n"
		     "mmio read 8 at hole\n"
		     "ldar x0 0xf1e2d3c4b5a69788\n"
		     "mmio write 4 at hole: 11 22 33 44\n"
		     "mmio write 2 at hole+0x2: 11 22\n"
		     "mmio write 8 at hole+0x8: 11 22 33 44 55 66 77 88\n"
		     "done\n"},
	{.name = "mmio_unprivileged",
	 .summary = "unprivileged forms are described as well",
	 .expected = "mmio read 4 at hole\n"
		     "ldtr w0 0xb5a69788\n"
		     "mmio read 2 at hole\n"
		     "[signed-mmio=extended] ldtrsh x0 0xffffffffffff9788\n"
		     "[signed-mmio=zeroed] ldtrsh x0 0x9788\n"
		     "mmio write 8 at hole+0x8: 11 22 33 44 55 66 77 88\n"
		     "done\n"},
	{.name = "mmio_addressing",
	 .summary = "the address is the access's, whatever the addressing mode",
	 .expected = "mmio read 8 at hole+0xff8\n"
		     "mmio read 8 at hole+0xff8\n"
		     "mmio read 8 at hole+0x20\n"
		     "mmio write 8 at hole+0xf8: 07 00 00 00 00 00 00 00\n"
		     "done\n"},
	{.name = "mmio_big_endian",
	 .summary = "of a big-endian guest the bytes are in memory's order",
	 .expected = "mmio read 4 at hole\n"
		     "mmio read 8 at hole+0x8\n"
		     "mmio write 4 at hole+0x10: 44 33 22 11\n"
		     "mmio write 2 at hole+0x14: 22 11\n"
		     "ldr w0 0x8897a6b5\n"
		     "ldr x0 0x8897a6b5c4d3e2f1\n"
		     "done\n"},
	{.name = "mmio_big_endian_signed",
	 .summary = "and the sign is that of the value",
	 .expected = "mmio read 2 at hole\n"
		     "mmio read 4 at hole+0x8\n"
		     "[signed-mmio=extended] ldrsh w0 0xffff8897\n"
		     "[signed-mmio=extended] ldrsw x0 0xffffffff8897a6b5\n"
		     "[signed-mmio=zeroed] ldrsh w0 0x8897\n"
		     "[signed-mmio=zeroed] ldrsw x0 0x8897a6b5\n"
		     "done\n"},
	{.name = "mmio_unaligned",
	 .summary = "unaligned, of Normal memory: one access of its size",
	 .expected = "mmio read 4 at hole+0x1\n"
		     "ldr w0 0xb5a69788\n"
		     "mmio write 2 at hole+0xffd: 34 12\n"
		     "done\n"},
	{.name = "mmio_translated",
	 .summary = "the address is the intermediate physical one",
	 .expected = "mmio read 8 at hole+0x1238\n"
		     "mmio write 8 at hole+0x1238: 88 97 a6 b5 c4 d3 e2 f1\n"
		     "done\n"},
	{.name = "mmio_el0",
	 .summary = "EL0's accesses exit as EL1's do",
	 .expected = "mmio read 2 at hole\n"
		     "ldrh w0 0x9788\n"
		     "mmio write 4 at hole+0x4: 11 22 33 44\n"
		     "back\n"
		     "done\n"},
	{.name = "mmio_completed",
	 .guest = "mmio_one_load",
	 .host = completed,
	 .summary = "completed once, by the next KVM_RUN, even one with immediate_exit",
	 .expected = "mmio read 1 at hole\n"
		     "pc insn\n"
		     "pc insn+0x4\n"
		     "pc insn+0x4\n"
		     "[signed-mmio=extended] loaded 0xffffffffffffff88\n"
		     "[signed-mmio=zeroed] loaded 0x88\n"
		     "done\n"},
	{.name = "mmio_store_completed",
	 .guest = "mmio_one_store",
	 .host = completed,
	 .summary = "a store's PC moves on at the next KVM_RUN",
	 .expected = "mmio write 4 at hole: 11 22 33 44\n"
		     "pc insn\n"
		     "pc insn+0x4\n"
		     "pc insn+0x4\n"
		     "stored\n"
		     "done\n"},
	{.name = "mmio_pc_moved",
	 .guest = "mmio_one_load",
	 .host = pc_moved,
	 .summary = "completion adds 4 to a PC that userspace moved meanwhile",
	 .expected = "mmio read 1 at hole\n"
		     "pc insn+0x24\n"},
	{.name = "mmio_immediate_first",
	 .guest = "nothing",
	 .host = immediate_first,
	 .summary = "immediate_exit runs no instruction",
	 .expected = "pc ram\n"
		     "done\n"},
	{.name = "mmio_stepped",
	 .host = stepped,
	 .summary = "KVM_GUESTDBG_SINGLESTEP over an emulated access",
	 .expected = "debug: ec 0x32, pc insn+0x4\n"
		     "debug: ec 0x32, pc insn+0x8\n"
		     "mmio read 4 at hole\n"
		     "debug: ec 0x32, pc insn+0xc\n"
		     "debug: ec 0x32, pc insn+0x10\n"
		     "loaded 0xb5a69788\n"
		     "done\n"},
	{.name = "mmio_guest_stepped",
	 .summary = "the guest's own single-step over an emulated access",
	 .expected = "taken: sync from el0: esr 0xf2000001 elr insn spsr 0x1c0\n"
		     "mmio read 4 at hole\n"
		     "taken: sync from el0: esr 0xca000022 elr insn+0x8 spsr 0x1c0\n"
		     "back\n"
		     "done\n"},
};

const struct conform_group conform_mmio = CONFORM_GROUP(rows);
