import pg from 'pg'

// Names as users choose them: a first name, a last name, a part of either, joined or not, often with digits behind it.

const FIRST = `anna maria hannah joanna susanne annika marianne johannes annabelle diana ivan stefan jonathan susan dan
  ryan sebastian christian peter michael thomas andreas martin alexander nicole sandra julia katharina laura lisa sarah
  emma olivia noah liam lucas james william henry jack oliver george charlie amelia isla ava mia grace freya emily sophie
  ella lily chloe daisy zoe quentin xavier yusuf omar fatima leila hassan ahmed mehmet ayse emre deniz kemal elif piotr
  pawel krzysztof agnieszka magda zofia jakub tomasz marek olga dmitri sergei natasha irina boris yuri akira yuki hana
  kenji sakura haruto mei wei jing li chen hao lin tran nguyen linh minh raj priya arjun sanjay deepa vikram kwame ama
  kofi zainab chidi ngozi luis carlos jose pedro sofia lucia carmen pablo diego mateo valentina camila giulia marco luca
  francesca paolo chiara bjorn astrid ingrid lars sven freja magnus pierre amelie camille antoine margaux`
const LAST = `smith johnson williams brown jones garcia miller davis rodriguez martinez hernandez lopez gonzalez wilson
  anderson thomas taylor moore jackson martin lee perez thompson white harris sanchez clark ramirez lewis robinson walker
  young allen king wright scott torres nguyen hill flores green adams nelson baker hall rivera campbell mitchell carter
  roberts mueller schmidt schneider fischer weber meyer wagner becker hoffmann schulz koch richter klein wolf neumann
  schwarz zimmermann braun hartmann lange krueger hansen larsen nilsson berg lindqvist virtanen korhonen kowalski
  nowak wisniewski ivanov petrov sokolov popov rossi russo ferrari bianchi romano silva santos oliveira pereira costa
  tanaka suzuki sato watanabe yamamoto kim park choi wang zhang liu patel singh kumar sharma okafor mensah diallo`
const WORDS = `cat dog wolf fox bear hawk moon star sky rain storm fire ice shadow pixel gamer ninja coder music dance
  rock metal jazz blue red green dark light happy lucky crazy silent rapid tiny mega super cosmic velvet quantum zen`

const list = (words: string): string => `'{${words.split(/\s+/).join(',')}}'::text[]`

/** Adds users with their search entries; everything that search does not read is left out. */
export async function addUsers(url: string, count: number): Promise<void> {
  const client = new pg.Client(url)
  await client.connect()
  try {
    for (const statement of statements(count)) await client.query(statement)
  } finally {
    await client.end()
  }
}

const statements = (count: number): readonly string[] => [
  `select setseed(0.42)`,
  `create temp table names as
   with lists as materialized (
     select ${list(FIRST)} as firsts, ${list(LAST)} as lasts, ${list(WORDS)} as words
   ), parts as materialized (
     select n, random() as form,
       -- The first names of the list are the common ones.
       firsts[1 + floor(power(random(), 1.5) * cardinality(firsts))::int] as first,
       lasts[1 + floor(random() * cardinality(lasts))::int] as last,
       words[1 + floor(random() * cardinality(words))::int] as word,
       (array['', '.', '_', '-'])[1 + floor(random() * 4)::int] as mark,
       floor(power(10, 1 + floor(random() * 4)) * random())::int::text as digits
     from lists, generate_series(1, ${count * 2}) as n
   )
   select row_number() over (order by md5(name)) as id, name from (
     select distinct on (name) name from (
       select case
         when form < 0.1 then first || mark || last
         when form < 0.45 then first || mark || last || digits
         when form < 0.6 then first || digits
         when form < 0.7 then last || mark || first || digits
         when form < 0.8 then left(first, 1) || last || digits
         when form < 0.9 then word || mark || first || digits
         else word || mark || last || digits
       end as name from parts
     ) as all_of_them where length(name) between 4 and 32
   ) as each_once limit ${count}`,
  `insert into users (id, username, username_key, email, email_key, email_verified, email_version, password_hash, password_version,
     roles, created_at, disabled_at)
   select id, name, name, name || '@example.org', name || '@example.org', false, 1, '$argon2id$x', 1, '{}', now(),
     case when id % 500 = 0 then now() end
   from names order by id`,
  // As the service writes them, see its user-search.ts. In one transaction, as the sessions (see bulk-sessions.ts).
  'begin',
  'truncate username_endings',
  `alter table username_endings drop constraint username_endings_pkey`,
  `drop index username_endings_user_id`,
  `insert into username_endings (user_id, ending, repeated)
   select id, substr(name, at), case
     when at = 1 then -1
     -- Nearly all of them, and found sooner so.
     when strpos(name, substr(name, at, 1)) = at then 0
     when strpos(name, substr(name, at, 2)) = at then 1
     else (select count(*) from generate_series(1, length(name) - at + 1) as count
       where strpos(name, substr(name, at, count)) < at) end
   from names, generate_series(1, length(name)) as at`,
  `alter table username_endings add primary key (repeated, ending, user_id)`,
  `create index username_endings_user_id on username_endings (user_id)`,
  'commit',
]
