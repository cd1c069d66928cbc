// The major of openai-node that the tests drive: 6, unless OPENAI_MAJOR names another.

const { default: OpenAI, toFile } = await import(`openai${process.env.OPENAI_MAJOR ?? 6}`);
export { OpenAI as default, toFile };
