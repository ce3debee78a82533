import de.bwaldvogel.mongo.MongoServer;
import de.bwaldvogel.mongo.MongoVersion;
import de.bwaldvogel.mongo.ServerVersion;
import de.bwaldvogel.mongo.backend.memory.MemoryBackend;
import java.util.List;

/** Serves MongoDB's wire protocol out of memory on a free port, which it prints. Run as a source file, not compiled. */
class Main {
    /** The server's newest version, by the number MongoDB 4.4 has in its protocol: pymongo asks for at least that. */
    private static final MongoVersion VERSION = new MongoVersion() {
        @Override
        public List<Integer> getVersionArray() {
            return ServerVersion.MONGO_5_0.getVersionArray();
        }

        @Override
        public int getWireVersion() {
            return 9;
        }
    };

    public static void main(String[] arguments) {
        System.out.println(new MongoServer(new MemoryBackend().version(VERSION)).bind().getPort());
    }
}
