/* SPDX-License-Identifier: BSD-2-Clause */
/* The bus and the device models behind it. */
#include "support/check.h"

#include "devices.h"

#define RECORDER      0x0a000000
#define EXIT_REGISTER 0x0a010000
#define REGISTER_FILE 0x0a020000
#define UART          0x09000000

struct fixture {
	struct vmm_bus bus;
	struct vmm_recorder recorder, register_file;
	struct vmm_exit_register exit_register;
	struct vmm_pl011 uart;
	char sent[64];
	unsigned sent_count, ends, edges, rooms;
	uint8_t status;
	bool level;
};

static void transmit(void *opaque, uint8_t character)
{
	struct fixture *f = opaque;

	f->sent[f->sent_count++ % sizeof(f->sent)] = (char)character;
}

static void interrupt(void *opaque, bool level)
{
	struct fixture *f = opaque;

	/* Only changes are signalled. */
	assert_int_not_equal(level, f->level);
	f->level = level;
	f->edges++;
}

static void room(void *opaque)
{
	struct fixture *f = opaque;

	f->rooms++;
}

static void end(void *opaque, uint8_t status)
{
	struct fixture *f = opaque;

	f->status = status;
	f->ends++;
}

static struct fixture *fixture(void)
{
	static struct fixture f;

	memset(&f, 0, sizeof(f));
	vmm_recorder_init(&f.recorder, VMM_RECORDER);
	vmm_recorder_init(&f.register_file, VMM_REGISTER_FILE);
	vmm_exit_register_init(&f.exit_register, end, &f);
	vmm_pl011_init(&f.uart);
	f.uart.transmit = transmit;
	f.uart.interrupt = interrupt;
	f.uart.room = room;
	f.uart.opaque = &f;
	vmm_bus_attach(&f.bus, &f.recorder.device);
	vmm_bus_attach(&f.bus, &f.register_file.device);
	vmm_bus_attach(&f.bus, &f.exit_register.device);
	vmm_bus_attach(&f.bus, &f.uart.device);
	return &f;
}

/* Who takes which access. */
static void bus_takes(void **state)
{
	static const struct {
		const char *name;
		uint64_t ipa;
		unsigned size;
		const char *device; /* NULL: refused */
	} cases[] = {
		{"recorder begins", RECORDER, 8, "recorder"},
		{"recorder byte", RECORDER + 0xffff, 1, "recorder"},
		{"recorder unaligned", RECORDER + 3, 8, "recorder"},
		{"recorder ends", RECORDER + 0xfff8, 8, "recorder"},
		{"across recorder's end", RECORDER + 0xfffc, 8, NULL},
		{"before recorder", RECORDER - 1, 1, NULL},
		{"into recorder", RECORDER - 4, 8, NULL},
		{"exit register", EXIT_REGISTER, 4, "exit register"},
		{"exit register 1", EXIT_REGISTER, 1, NULL},
		{"exit register 8", EXIT_REGISTER, 8, NULL},
		{"after exit register", EXIT_REGISTER + 4, 4, NULL},
		{"register file", REGISTER_FILE, 4, "register file"},
		{"register file's last", REGISTER_FILE + 0xffc, 4, "register file"},
		{"register file 8", REGISTER_FILE, 8, NULL},
		{"register file 2", REGISTER_FILE, 2, NULL},
		{"register file 1", REGISTER_FILE, 1, NULL},
		{"register file unaligned", REGISTER_FILE + 2, 4, NULL},
		{"after register file", REGISTER_FILE + 0x1000, 4, NULL},
		{"uart 1", UART, 1, "pl011"},
		{"uart 2", UART + 0x18, 2, "pl011"},
		{"uart 4", UART + 0xffc, 4, "pl011"},
		{"uart 8", UART, 8, NULL},
		{"uart unaligned", UART + 1, 2, NULL},
		{"nothing", 0x0b000000, 4, NULL},
		{"zero", 0, 1, NULL},
		{"the last address", UINT64_MAX, 1, NULL},
		{"around the end", UINT64_MAX - 3, 8, NULL},
		{"no size", RECORDER, 0, NULL},
		{"GIC", 0x08000000, 4, NULL},
	};

	for (size_t i = 0; i < COUNT(cases); i++)
		for (int write = 0; write < 2; write++) {
			uint8_t data[8] = {0};
			struct vmm_device *device =
				vmm_bus_access(&fixture()->bus, cases[i].ipa, cases[i].size, write, data);

			check(cases[i].name, !device == !cases[i].device);
			if (device)
				assert_string_equal(device->place->name, cases[i].device);
		}
}

/* What is refused changes nothing and returns nothing. */
static void refusal_is_clean(void **state)
{
	struct fixture *f = fixture();
	uint8_t data[8] = {1, 2, 3, 4, 5, 6, 7, 8};

	assert_null(vmm_bus_access(&f->bus, REGISTER_FILE, 8, true, data));
	assert_null(vmm_bus_access(&f->bus, RECORDER + 0xfffc, 8, true, data));
	assert_null(vmm_bus_access(&f->bus, EXIT_REGISTER, 8, true, data));
	for (unsigned i = 0; i < sizeof(f->recorder.bytes); i++)
		assert_int_equal(f->recorder.bytes[i] | f->register_file.bytes[i], 0);
	assert_int_equal(f->ends, 0);
	assert_null(vmm_bus_access(&f->bus, REGISTER_FILE, 8, false, data));
	assert_int_equal(data[0], 1);
}

static void recorder_remembers(void **state)
{
	struct fixture *f = fixture();
	uint8_t bytes[0x10000] = {0}, data[8];
	uint64_t random = 1;

	/* Against a plain array. */
	for (unsigned i = 0; i < 20000; i++) {
		uint64_t r = random_next(&random);
		unsigned size = 1u << (r & 3);
		uint64_t offset = (r >> 8) % (sizeof(bytes) - size + 1);
		bool write = r >> 7 & 1;

		r = random_next(&random);
		memcpy(data, &r, sizeof(data));
		assert_non_null(vmm_bus_access(&f->bus, RECORDER + offset, size, write, data));
		if (write)
			memcpy(bytes + offset, &r, size);
		else
			assert_memory_equal(data, bytes + offset, size);
	}
}

static void exit_register_ends(void **state)
{
	struct fixture *f = fixture();
	uint8_t data[8] = {0xc8, 1, 0, 0};

	assert_non_null(vmm_bus_access(&f->bus, EXIT_REGISTER, 4, true, data));
	assert_int_equal(f->ends, 1);
	assert_int_equal(f->status, 0xc8);
	assert_non_null(vmm_bus_access(&f->bus, EXIT_REGISTER, 4, false, data));
	assert_int_equal(data[0] | data[1] | data[2] | data[3], 0);
	assert_int_equal(f->ends, 1);
}

static uint32_t get(struct fixture *f, unsigned offset)
{
	uint8_t data[4];

	assert_non_null(vmm_bus_access(&f->bus, UART + offset, 4, false, data));
	return (uint32_t)data[0] | (uint32_t)data[1] << 8 | (uint32_t)data[2] << 16 | (uint32_t)data[3] << 24;
}

static void set(struct fixture *f, unsigned offset, uint32_t value)
{
	uint8_t data[4] = {(uint8_t)value, (uint8_t)(value >> 8), (uint8_t)(value >> 16),
			   (uint8_t)(value >> 24)};

	assert_non_null(vmm_bus_access(&f->bus, UART + offset, 4, true, data));
}

/* How Linux's amba-pl011 tells what it drives: the identification, byte by byte. */
static void uart_identification(void **state)
{
	static const uint8_t wanted[] = {0x11, 0x10, 0x34, 0x00, 0x0d, 0xf0, 0x05, 0xb1};
	struct fixture *f = fixture();

	for (unsigned i = 0; i < COUNT(wanted); i++)
		assert_int_equal(get(f, 0xfe0 + 4 * i), wanted[i]);
}

/* What can be written stays, less the bits that are not there; what cannot, does not. */
static void uart_registers(void **state)
{
	static const struct {
		unsigned offset;
		uint32_t reset, kept;
	} cases[] = {
		{0x20, 0, 0xff},       {0x24, 0, 0xffff},  {0x28, 0, 0x3f},  {0x2c, 0, 0xff},
		{0x30, 0x300, 0xff87}, {0x34, 0x12, 0x3f}, {0x38, 0, 0x7ff}, {0x48, 0, 7},
		{0x04, 0, 0},          {0x18, 0x90, 0x90}, {0x3c, 0, 0},     {0x40, 0, 0},
		{0x4c, 0, 0},          {0x50, 0, 0},       {0x800, 0, 0},    {0xfe0, 0x11, 0x11},
		{0xffc, 0xb1, 0xb1},
	};

	for (size_t i = 0; i < COUNT(cases); i++) {
		struct fixture *f = fixture();

		assert_int_equal(get(f, cases[i].offset), cases[i].reset);
		set(f, cases[i].offset, UINT32_MAX);
		assert_int_equal(get(f, cases[i].offset), cases[i].kept);
	}
}

static void uart_narrow(void **state)
{
	struct fixture *f = fixture();
	uint8_t data[2] = {0x34, 0x12};

	assert_non_null(vmm_bus_access(&f->bus, UART + 0x24, 2, true, data));
	assert_int_equal(get(f, 0x24), 0x1234);
	assert_non_null(vmm_bus_access(&f->bus, UART + 0x25, 1, false, data));
	assert_int_equal(data[0], 0x12);
	/* The data register's upper bytes are its flags, no second character. */
	assert_non_null(vmm_bus_access(&f->bus, UART + 1, 1, true, data));
	assert_int_equal(f->sent_count, 0);
}

/* As amba-pl011's interrupt-driven transmission sees it: unmask, write, interrupt, acknowledge, mask. */
static void uart_transmit(void **state)
{
	struct fixture *f = fixture();

	set(f, 0x00, 0x141);
	assert_int_equal(f->sent_count, 1);
	assert_int_equal(f->sent[0], 'A');
	assert_int_equal(f->edges, 0);
	assert_int_equal(get(f, 0x3c), 0x20);
	assert_int_equal(get(f, 0x40), 0);
	set(f, 0x38, 0x20);
	assert_true(f->level);
	assert_int_equal(get(f, 0x40), 0x20);
	set(f, 0x44, 0x20);
	assert_false(f->level);
	set(f, 0x00, 'B');
	assert_true(f->level);
	set(f, 0x38, 0);
	assert_false(f->level);
	assert_int_equal(get(f, 0x18) & 0x20, 0);
	assert_memory_equal(f->sent, "AB", 2);
}

/* The receive FIFO: levels at which interrupts come and go, and what happens when it is full. */
static void uart_receive(void **state)
{
	struct fixture *f = fixture();
	uint8_t text[40];

	for (unsigned i = 0; i < sizeof(text); i++)
		text[i] = (uint8_t)('a' + i % 26);
	/* One character without FIFOs. */
	assert_int_equal(vmm_pl011_receive(&f->uart, text, sizeof(text)), 1);
	assert_int_equal(get(f, 0x18) & 0x50, 0x40);
	assert_int_equal(get(f, 0x3c), 0x50);
	assert_int_equal(get(f, 0x00), 'a');
	assert_int_equal(f->rooms, 1);
	assert_int_equal(get(f, 0x18) & 0x50, 0x10);
	assert_int_equal(get(f, 0x3c), 0);
	assert_int_equal(get(f, 0x00), 0);

	/* 32 with them; RX from half full on, as UARTIFLS has it at reset; RT for as long as any is left. */
	set(f, 0x2c, 0x10);
	set(f, 0x38, 0x50);
	assert_int_equal(vmm_pl011_receive(&f->uart, text, 15), 15);
	assert_int_equal(get(f, 0x3c), 0x40);
	assert_true(f->level);
	assert_int_equal(vmm_pl011_receive(&f->uart, text + 15, 1), 1);
	assert_int_equal(get(f, 0x3c), 0x50);
	assert_int_equal(vmm_pl011_receive(&f->uart, text + 16, 24), 16);
	assert_int_equal(vmm_pl011_receive(&f->uart, text, 1), 0);
	for (unsigned i = 0; i < 32; i++) {
		assert_int_equal(get(f, 0x3c), i <= 16 ? 0x50 : 0x40);
		assert_int_equal(get(f, 0x00), text[i]);
	}
	assert_int_equal(get(f, 0x3c), 0);
	assert_false(f->level);

	/* Wrapping around the buffer's end, then emptied by turning FIFOs off. */
	assert_int_equal(vmm_pl011_receive(&f->uart, text, 5), 5);
	set(f, 0x2c, 0);
	assert_int_equal(get(f, 0x18) & 0x10, 0x10);
	assert_int_equal(get(f, 0x3c), 0);
	assert_false(f->level);
}

/* Acknowledged or not, a character that comes later raises the interrupt again. */
static void uart_acknowledge(void **state)
{
	struct fixture *f = fixture();

	set(f, 0x2c, 0x10);
	set(f, 0x38, 0x50);
	assert_int_equal(vmm_pl011_receive(&f->uart, (const uint8_t *)"x", 1), 1);
	assert_true(f->level);
	set(f, 0x44, 0x7ff);
	assert_false(f->level);
	assert_int_equal(vmm_pl011_receive(&f->uart, (const uint8_t *)"y", 1), 1);
	assert_true(f->level);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(bus_takes),           cmocka_unit_test(refusal_is_clean),
		cmocka_unit_test(recorder_remembers),  cmocka_unit_test(exit_register_ends),
		cmocka_unit_test(uart_identification), cmocka_unit_test(uart_registers),
		cmocka_unit_test(uart_narrow),         cmocka_unit_test(uart_transmit),
		cmocka_unit_test(uart_receive),        cmocka_unit_test(uart_acknowledge),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
