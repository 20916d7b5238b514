import { describeOnPostgres, usePostgres } from '@herald/postgres/use-postgres'
import { expect, test } from 'vitest'

describeOnPostgres('a PostgreSQL for tests', () => {
  const postgres = usePostgres()

  test('keeps its data and its port when it is killed and started again', async () => {
    const { server } = postgres
    await server.query('create table kept as select 7 as number')
    await server.kill()
    await expect(server.query('select 1')).rejects.toThrow()
    await server.start()
    expect(await server.query('select number from kept')).toBe('7')
    await server.stop()
    await server.start()
    expect(await server.query('select number from kept')).toBe('7')
  })

  test('has a standby, which accepts writes once it is promoted', async () => {
    const { server } = postgres
    const standby = await server.startStandby()
    await server.configure({ synchronous_standby_names: 'standby' })
    await server.query('create table replicated as select 8 as number')
    expect(await standby.query('select pg_is_in_recovery()')).toBe('t')
    await server.kill()
    await standby.promote()
    await standby.query('insert into replicated values (9)')
    expect(await standby.query('select number from replicated order by 1')).toBe('8\n9')
  })
})
